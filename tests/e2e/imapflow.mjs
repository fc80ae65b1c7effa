// Round trips with imapflow: usage: node imapflow.mjs FOLDER HOST PORT USER PASSWORD; prints one line of JSON.
import { createRequire } from "node:module";

const [folder, host, port, user, pass] = process.argv.slice(2);
const { ImapFlow } = createRequire(folder + "/package.json")("imapflow");
const client = new ImapFlow({ host, port: Number(port), secure: true, tls: { rejectUnauthorized: false }, auth: { user, pass }, logger: false });
const seen = {};

await client.connect();
seen.capabilities = [...client.capabilities.keys()].map(String);
const names = await client.list();
seen.uses = Object.fromEntries(names.map((box) => [box.path, box.specialUse ?? ""]));

const lock = await client.getMailboxLock("INBOX");
try {
    seen.exists = client.mailbox.exists;
    const appended = await client.append("INBOX", "Subject: by imapflow\r\nMessage-ID: <flow@example.org>\r\n\r\nGrüße\r\n", ["\\Seen", "$Flow"], new Date("2020-02-01T03:04:05Z"));
    seen.appended = { uid: appended.uid, path: appended.path ?? appended.destination };
    seen.messages = [];
    for await (const message of client.fetch("1:*", { uid: true, flags: true, envelope: true, size: true, bodyStructure: true, internalDate: true, emailId: true, threadId: true, source: true }))
        seen.messages.push({ uid: message.uid, subject: message.envelope.subject, flags: [...message.flags].sort(), size: message.size, type: message.bodyStructure.type,
                             date: new Date(message.internalDate).toISOString(), emailId: message.emailId, threadId: message.threadId, source: message.source.toString() });
    await client.messageFlagsAdd({ seen: false }, ["\\Flagged"], { uid: true });
    seen.flagged = await client.search({ flagged: true }, { uid: true });
    const part = await client.download("1", "1");
    let text = "";
    for await (const chunk of part.content) text += chunk;
    seen.part = text;
    await client.mailboxCreate(["flow", "box"]);
    const moved = await client.messageMove("1", ["flow", "box"]);
    seen.moved = [...moved.uidMap.entries()];
    seen.status = await client.status("flow/box", { messages: true, unseen: true, uidNext: true });
    const quota = await client.getQuota("INBOX");
    seen.quota = quota ? quota.path : false;
    await client.messageDelete("1:*");
    seen.left = client.mailbox.exists;
} finally {
    lock.release();
}
await client.mailboxDelete("flow/box");
await client.logout();
console.log(JSON.stringify(seen));

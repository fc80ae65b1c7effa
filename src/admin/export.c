/*
 * admin/export.c: what mail sends of an account, written down as a Maildir++ with Dovecot's side files.
 *
 * Does     one file a message (flags in its name, INTERNALDATE as its time), dovecot-uidlist for UIDVALIDITY and UIDs,
 *          dovecot-keywords, subscriptions: what import maildir and Dovecot read.
 * Fails    never writes into a folder that isn't empty.
 * Tested   tests/e2e/test_cli.py
 */
#include "admin/cli.h"
#include "admin/maildir.h"
#include "admin/parcel.h"
#include "base/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

struct export_target {
    const char *root;
    struct buffer folder; /* of the mailbox being written, with a zero behind */
    struct buffer uidlist, subscriptions;
    char *keywords[MAILDIR_KEYWORDS];
    int fd; /* the message being written, -1: none */
    char name[512];
    int64_t date_utc_s;
    uint64_t messages;
    bool failed;
};

static void failed(struct export_target *t, const char *what)
{
    if (!t->failed)
        cli_fail(0, "%s can't be written: %s", what, strerror(errno));
    t->failed = true;
}

static void write_small(struct export_target *t, const char *folder, const char *name, struct view text)
{
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(text.data, 1, text.size, file) != text.size)
        failed(t, path);
    if (file && fclose(file) != 0)
        failed(t, path);
}

static void end_folder(struct export_target *t)
{
    struct buffer keywords = {0};
    const char *folder = t->folder.memory ? t->folder.memory + t->folder.start : "";
    if (!buffer_size(&t->folder))
        return;
    write_small(t, folder, "dovecot-uidlist", buffer_view(&t->uidlist));
    for (unsigned i = 0; i < MAILDIR_KEYWORDS && t->keywords[i]; i++)
        buffer_printf(&keywords, "%u %s\n", i, t->keywords[i]);
    if (buffer_size(&keywords))
        write_small(t, folder, "dovecot-keywords", buffer_view(&keywords));
    for (unsigned i = 0; i < MAILDIR_KEYWORDS; i++) {
        free(t->keywords[i]);
        t->keywords[i] = NULL;
    }
    buffer_free(&keywords);
    buffer_clear(&t->folder);
}

static void begin_folder(struct export_target *t, const struct parcel *parcel)
{
    static const char *const subs[] = {"", "/cur", "/new", "/tmp"};
    char path[8192];
    end_folder(t);
    buffer_append_string(&t->folder, t->root);
    if (!view_equal_string(parcel->name, "INBOX")) {
        buffer_append_char(&t->folder, '/');
        maildir_folder_write(parcel->name, &t->folder);
    }
    buffer_append_char(&t->folder, '\0');
    for (size_t i = 0; i < sizeof subs / sizeof *subs; i++) {
        snprintf(path, sizeof path, "%s%s", t->folder.memory + t->folder.start, subs[i]);
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
            failed(t, path);
    }
    buffer_clear(&t->uidlist);
    buffer_printf(&t->uidlist, "3 V%u N%u\n", parcel->uidvalidity, parcel->uidnext);
}

/* The letter's number, made if it is new; -1 if the letters are used up (Maildir has 26 a folder). */
static int keyword_number(struct export_target *t, struct view keyword)
{
    for (int i = 0; i < MAILDIR_KEYWORDS; i++) {
        if (!t->keywords[i])
            t->keywords[i] = memory_copy(keyword.data, keyword.size);
        if (view_equal_string_nocase(keyword, t->keywords[i]))
            return i;
    }
    return -1;
}

static void begin_message(struct export_target *t, const struct parcel *parcel)
{
    char path[8192];
    struct buffer flags = {0};
    uint32_t keywords = 0;
    for (size_t i = 0; i < parcel->keyword_count; i++) {
        int number = keyword_number(t, parcel->keywords[i]);
        keywords |= number >= 0 ? (uint32_t)1 << number : 0;
    }
    maildir_flags_write(parcel->flags, false, keywords, &flags);
    int size = snprintf(t->name, sizeof t->name, "%lld.W%u.waxwing", (long long)parcel->date_utc_s, parcel->uid);
    buffer_printf(&t->uidlist, "%u", parcel->uid);
    if (parcel->uidl.size)
        buffer_printf(&t->uidlist, " P%.*s", VIEW_PRINTF(parcel->uidl));
    buffer_printf(&t->uidlist, " :%s\n", t->name);
    snprintf(t->name + size, sizeof t->name - (size_t)size, "%.*s", VIEW_PRINTF(buffer_view(&flags)));
    buffer_free(&flags);
    snprintf(path, sizeof path, "%s/cur/%s", t->folder.memory + t->folder.start, t->name);
    t->date_utc_s = parcel->date_utc_s;
    t->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (t->fd < 0)
        failed(t, path);
}

static void take_octets(struct export_target *t, struct view octets)
{
    while (octets.size && t->fd >= 0) {
        ssize_t n = write(t->fd, octets.data, octets.size);
        if (n <= 0) {
            failed(t, t->name);
            return;
        }
        octets = view_skip(octets, (size_t)n);
    }
}

static void end_message(struct export_target *t)
{
    const struct timespec times[2] = {{.tv_sec = t->date_utc_s}, {.tv_sec = t->date_utc_s}};
    if (t->fd < 0)
        return;
    if (futimens(t->fd, times) < 0 || close(t->fd) < 0)
        failed(t, t->name);
    t->fd = -1;
    t->messages++;
}

/* Names of other servers' subscriptions file: as Maildir++ writes them, without the leading point. */
static void take_subscription(struct export_target *t, const struct parcel *parcel)
{
    struct buffer folder = {0};
    maildir_folder_write(parcel->name, &folder);
    struct view name = buffer_view(&folder);
    buffer_append_view(&t->subscriptions, view_equal_string(parcel->name, "INBOX")
                                              ? parcel->name
                                              : view_skip(name, name.size && name.data[0] == '.' ? 1 : 0));
    buffer_append_char(&t->subscriptions, '\n');
    buffer_free(&folder);
}

static void take_parcel(void *ctx, struct view octets)
{
    struct export_target *t = ctx;
    struct parcel parcel;
    if (t->failed || !parcel_read(octets, &parcel))
        return;
    switch (parcel.kind) {
    case PARCEL_MAILBOX:
        begin_folder(t, &parcel);
        break;
    case PARCEL_MESSAGE:
        begin_message(t, &parcel);
        break;
    case PARCEL_OCTETS:
        take_octets(t, parcel.octets);
        break;
    case PARCEL_END:
        end_message(t);
        break;
    case PARCEL_SUBSCRIBED:
        take_subscription(t, &parcel);
        break;
    }
}

static bool folder_is_free(const char *path)
{
    DIR *directory = opendir(path);
    size_t entries = 0;
    if (!directory)
        return errno == ENOENT && mkdir(path, 0700) == 0;
    while (readdir(directory))
        entries++;
    closedir(directory);
    return entries <= 2;
}

int export_maildir(struct cli *cli)
{
    struct export_target t = {.root = cli->words[1], .fd = -1};
    struct wire wire;
    char account[24];
    const char *words[1] = {account};
    if (!folder_is_free(t.root))
        return cli_fail(EX_CANTCREAT, "%s is not an empty folder", t.root);
    uint64_t number = control_account(cli, cli->words[0]);
    if (!number || !control_connect(cli, PART_MAIL, &wire))
        return EX_UNAVAILABLE;
    snprintf(account, sizeof account, "%llu", (unsigned long long)number);
    int code = EX_UNAVAILABLE;
    if (control_run(cli, &wire, "export", words, 1))
        code = control_finish(cli, &wire, take_parcel, &t);
    wire_close(&wire);
    end_folder(&t);
    if (!t.failed)
        write_small(&t, t.root, "subscriptions", buffer_view(&t.subscriptions));
    buffer_free(&t.folder);
    buffer_free(&t.uidlist);
    buffer_free(&t.subscriptions);
    if (t.failed)
        return EX_IOERR;
    fprintf(stderr, "%llu messages written to %s\n", (unsigned long long)t.messages, t.root);
    return code;
}

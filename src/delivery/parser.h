/*
 * delivery/parser.h: mail's side of parse: requests out, digests in, poison handled.
 *
 * Does     batches requests over the channel to one parse instance, keeps deadlines (ipc/parse_time.h), has a dead or
 *          late parse killed (KILL_PARSE), retries its batch one message at a time in the fresh one; a message that
 *          kills it twice alone is poison.
 * Owns     the requests it was given, until done.
 * Called   parser_* from any thread; done on the loop named in the request.
 * Tested   tests/e2e/test_processes.py
 */
#ifndef DELIVERY_PARSER_H
#define DELIVERY_PARSER_H

#include "base/buffer.h"
#include "digest/match.h"
#include "net/loop.h"

struct parser;

enum parse_result { PARSE_OK = 0, PARSE_POISON, PARSE_UNAVAILABLE };
enum parse_kind { PARSE_DIGEST, PARSE_MATCH, PARSE_CONVERT };

struct waiting;
struct parse_request {
    struct task task;
    struct parse_request *next;
    enum parse_kind kind;
    struct view octets;   /* the message (or the text to convert): whole, in memory or mapped; lives until done */
    struct view keys;     /* PARSE_MATCH: match_keys_write's; PARSE_CONVERT: the charset's name */
    struct buffer answer; /* digest, bits (one octet a key, 0 or 1), or UTF-8; the requester's to free */
    bool known;           /* PARSE_CONVERT: the charset is known */
    enum parse_result result;
    struct loop *loop; /* null: done runs on parser's own loop thread */
    void (*done)(struct parse_request *request);
    struct parser *parser; /* parser's own, from here on */
    struct waiting *waiter;
    uint64_t deadline_ms;
    uint64_t id;
    unsigned attempts;
};

/* kill(ctx, instance): asks the supervisor to replace that instance; parser_attach gives the new channel's descriptor.
 */
struct parser *parser_new(struct loop *loop, void (*kill)(void *ctx, uint32_t instance), void *ctx);
void parser_attach(struct parser *parser, uint32_t instance, int fd);
void parser_submit(struct parser *parser, struct parse_request *request);
/* Waiting: admin threads and tests. */
enum parse_result parser_run(struct parser *parser, struct parse_request *request);
void parser_free(struct parser **parser);

#endif

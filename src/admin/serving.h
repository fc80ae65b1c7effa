/*
 * admin/serving.h: one verb being served in mail: what it reads, what it may say. For serve*.c only.
 */
#ifndef ADMIN_SERVING_H
#define ADMIN_SERVING_H

#include "admin/admin.h"
#include "admin/wire.h"
#include "base/limits.h"
#include "ipc/words.h"

struct serving {
    struct wire wire;
    const struct admin_env *env;
    struct words words;
    char who[LIMIT_ADMIN_WHO + 1]; /* the administrator, by their own word */
    bool json, terminal;
    struct buffer row; /* under construction */
    bool gone;         /* the other side is away: what is written now goes nowhere */
};

/* The n-th word that is no option, or null; the value of the n-th "--name=value", or null. */
const char *serving_argument(const struct serving *serving, size_t n);
const char *serving_option(const struct serving *serving, const char *name, size_t n);
/* The first argument as an account's number (0 if it isn't one). */
uint64_t serving_account(const struct serving *serving);

void serving_output(struct serving *serving, uint8_t stream, struct view octets);
/* One line on stderr; returns code. */
int serving_fail(struct serving *serving, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* A sentence and a sysexits code for a store error. */
int serving_store_failed(struct serving *serving, const char *what, enum store_error error);

/* Rows for table, text or JSON: "name:type", types n number, o octets, t time, b yes or no, else text. */
void serving_columns(struct serving *serving, const char *columns);
void serving_text(struct serving *serving, struct view value);
void serving_number(struct serving *serving, uint64_t value);
void serving_row_end(struct serving *serving);

/* By the administrator. */
void serving_removal(const struct serving *serving, struct removal *why_r);

/* Runs a mutation of an account, waiting. */
enum store_error serving_mutate(struct serving *serving, uint64_t account, struct mutation *mutation);
bool serving_is_stopping(const struct serving *serving);
struct reader serving_reader(const struct serving *serving, uint64_t account);

/* The verbs. Each returns the exit code. */
int serve_mailbox_list(struct serving *serving);
int serve_mailbox_status(struct serving *serving);
int serve_mailbox_create(struct serving *serving);
int serve_mailbox_delete(struct serving *serving);
int serve_mailbox_rename(struct serving *serving);
int serve_account_show(struct serving *serving);
int serve_account_quota(struct serving *serving);
int serve_user_set(struct serving *serving);
int serve_user_settings(struct serving *serving);
int serve_status(struct serving *serving);
int serve_check(struct serving *serving);
int serve_compact(struct serving *serving);
int serve_purge(struct serving *serving);
int serve_undelete(struct serving *serving);
int serve_log(struct serving *serving);
int serve_import(struct serving *serving);
int serve_export(struct serving *serving);

#endif

/*
 * auth/accounts.c: users without an account, accounts without a user: new and removed ones, and what a crash between
 * the two left behind.
 *
 * Called   by control.c, and by auth.c when mail is there again; on auth's loop.
 * Tested   tests/unit/auth_flow.c
 */
#include "auth/inside.h"
#include "base/log.h"
#include "base/memory.h"

struct completion {
    struct asking asking;
    struct auth *auth;
    char name[NAME_SIZE]; /* empty: an account to be destroyed */
    uint64_t account;
    void (*told)(void *ctx, uint64_t account); /* null: nobody waits */
    void *ctx;
};

static void completion_answered(struct asking *asking, const struct message *answer)
{
    struct completion *completion = (struct completion *)(void *)((char *)asking - offsetof(struct completion, asking));
    const struct ipc_account_is *is = answer != NULL && answer->type == IPC_ACCOUNT_IS ? answer->body : NULL;
    uint64_t account = is == NULL || is->failed ? 0 : is->account;
    struct users *users = completion->auth->users;
    if (completion->name[0] == 0) {
        if (is != NULL && !is->failed)
            users_forget_gone(users, completion->account);
    } else if (account != 0) {
        enum users_result set = users_set_account(users, completion->name, account);
        if (set == USERS_IO)
            log_event(LOG_ERROR, "auth.database", "account=%llu what=%s", (unsigned long long)account,
                      users_error(users));
        if (set == USERS_NONE)
            auth_tell_gone(completion->auth, account); /* removed meanwhile */
        account = set == USERS_OK ? account : 0;
        auth_facts_changed(completion->auth);
    }
    if (completion->told != NULL)
        completion->told(completion->ctx, account);
    free(completion);
}

struct completion *auth_complete_user(struct auth *auth, const struct user *user,
                                      void (*told)(void *ctx, uint64_t account), void *ctx)
{
    struct completion *completion = NEW(struct completion);
    completion->auth = auth;
    completion->told = told;
    completion->ctx = ctx;
    completion->asking.answered = completion_answered;
    snprintf(completion->name, sizeof(completion->name), "%s", user->name);
    struct ipc_account_new new = {.user = view_of_string(completion->name), .quota_octets = user->quota_octets};
    if (auth_ask_mail(auth, IPC_ACCOUNT_NEW, &new, &completion->asking))
        return completion;
    free(completion);
    return NULL;
}

void auth_forget_told(struct completion *completion)
{
    completion->told = NULL;
}

static void complete_user(void *ctx, const struct user *user)
{
    auth_complete_user(ctx, user, NULL, NULL);
}

void auth_tell_gone(struct auth *auth, uint64_t account)
{
    struct completion *completion = NEW(struct completion);
    completion->auth = auth;
    completion->account = account;
    completion->asking.answered = completion_answered;
    struct ipc_account_gone gone = {.account = account};
    if (!auth_ask_mail(auth, IPC_ACCOUNT_GONE, &gone, &completion->asking))
        free(completion);
}

static void complete_gone(void *ctx, uint64_t account)
{
    auth_tell_gone(ctx, account);
}

void auth_complete_all(struct auth *auth)
{
    users_unfinished(auth->users, complete_user, auth);
    users_gone(auth->users, complete_gone, auth);
}

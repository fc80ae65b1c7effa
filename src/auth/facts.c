/*
 * auth/facts.c: what mail asks about users: the name of an account, the account of a name, the groups of either.
 *
 * Does     answers from the database at once; tells mail when what it was told no longer holds.
 * Called   on auth's loop.
 * Fails    what can't be read is nobody.
 * Tested   tests/unit/auth_flow.c
 */
#include "auth/inside.h"

static void append_group(void *ctx, const char *group)
{
    struct buffer *text = ctx;
    buffer_append_string(text, group);
    buffer_append_char(text, '\n');
}

static enum users_result find(struct auth *auth, const struct ipc_facts *facts, struct user *user_r)
{
    char name[NAME_SIZE];
    if (facts->account != 0)
        return users_find_account(auth->users, facts->account, user_r);
    return name_canonical(facts->name, name) ? users_find(auth->users, name, user_r) : USERS_NONE;
}

void auth_answer_facts(struct auth *auth, struct channel *mail, uint64_t id, const struct ipc_facts *facts)
{
    struct user user;
    struct ipc_facts_are are = {0};
    struct buffer groups;
    buffer_init(&groups, (size_t)LIMIT_GROUPS * (LIMIT_GROUP_OCTETS + 1));
    if (find(auth, facts, &user) == USERS_OK) {
        are.account = user.account;
        are.name = view_of_string(user.name);
        users_groups(auth->users, user.name, append_group, &groups);
        are.groups = buffer_view(&groups);
    }
    channel_send(mail, IPC_FACTS_ARE, id, &are, -1);
    buffer_free(&groups);
}

void auth_facts_changed(struct auth *auth)
{
    auth_tell_mail(auth, IPC_FACTS_GONE, &(struct ipc_empty){0});
}

/*
 * auth/users.h: auth's own database: names, hashes, addresses. No mail, no rights over mail.
 *
 * Does     one SQLite file, auth/users.db, opened before the walls in exclusive WAL mode: afterwards no file is opened,
 *          no path is named. The lock it holds is also what keeps a second process away.
 * Owns     the connection and its prepared statements.
 * Called   on auth's loop.
 * Waits    for the disk at changes only.
 * Fails    USERS_IO, with what SQLite says in users_error.
 * Tested   tests/unit/auth_users.c
 */
#ifndef AUTH_USERS_H
#define AUTH_USERS_H

#include "auth/hash.h"
#include "auth/names.h"

struct users;
enum users_result { USERS_OK, USERS_NONE, USERS_EXISTS, USERS_IO };

struct user {
    char name[NAME_SIZE];
    uint64_t account; /* 0: mail has not given one yet */
    uint64_t version; /* of the password: grows with each change */
    uint64_t quota_octets;
    int64_t created_utc_s, changed_utc_s;
    bool disabled;
    char hash[HASH_TEXT_MAX];
};

/* Makes the folder and the database if they are not there. error gets a sentence. */
struct users *users_open(const char *folder, char *error, size_t error_size);
void users_close(struct users **users);
const char *users_error(const struct users *users);

enum users_result users_find(struct users *users, const char *name, struct user *user_r);
/* Whose mail goes to this address, in the order of the page `waxwing user --help`. address: canonical. detail_r points
 * into address. */
enum users_result users_find_address(struct users *users, const char *address, char separator, struct user *user_r,
                                     struct view *detail_r);
/* Ascending names behind `after` ("" to begin); at most `count` rows. */
enum users_result users_list(struct users *users, const char *after, struct user *rows, size_t count, size_t *count_r);

enum users_result users_add(struct users *users, const struct user *user);
enum users_result users_set_account(struct users *users, const char *name, uint64_t account);
/* A new password: version + 1. */
enum users_result users_set_password(struct users *users, const char *name, const char *hash);
/* The same password under a better hash; nothing happens unless version still holds. */
enum users_result users_rehash(struct users *users, const char *name, uint64_t version, const char *hash);
enum users_result users_set_disabled(struct users *users, const char *name, bool disabled);
/* Removes the user and its addresses, and keeps the account's number until users_forget_gone. */
enum users_result users_remove(struct users *users, const char *name);

enum users_result users_add_address(struct users *users, const char *name, const char *address);
enum users_result users_remove_address(struct users *users, const char *name, const char *address);
enum users_result users_addresses(struct users *users, const char *name, void (*each)(void *ctx, const char *address),
                                  void *ctx);

/* What APOP digests: stored as it is, which no other password is. An empty one takes it away. */
enum users_result users_set_apop_secret(struct users *users, const char *name, const char *secret);
/* secret has LIMIT_PASSWORD_OCTETS + 1. */
enum users_result users_apop_secret(struct users *users, const char *name, char *secret_r);

/* Of an account's number. */
enum users_result users_find_account(struct users *users, uint64_t account, struct user *user_r);

/* Groups are names that users have in common; a group without users isn't there. At most LIMIT_GROUPS of one user:
 * USERS_NONE beyond, and if there is no such user. */
enum users_result users_add_group(struct users *users, const char *name, const char *group);
enum users_result users_remove_group(struct users *users, const char *name, const char *group);
enum users_result users_groups(struct users *users, const char *name, void (*each)(void *ctx, const char *group),
                               void *ctx);

/* Users without an account (auth or mail ended between the two), and accounts whose user is gone. */
enum users_result users_unfinished(struct users *users, void (*each)(void *ctx, const struct user *user), void *ctx);
enum users_result users_gone(struct users *users, void (*each)(void *ctx, uint64_t account), void *ctx);
enum users_result users_forget_gone(struct users *users, uint64_t account);

#endif

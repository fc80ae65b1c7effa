/*
 * auth/users.c: see users.h. Every statement is prepared from one table; values are bound, never put into text.
 */
#include "auth/users.h"
#include "base/clock.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCHEMA_VERSION = 1 };

#define USER_COLUMNS "name, account, version, quota, created, changed, disabled, hash"

enum statement {
    SQL_FIND,
    SQL_FIND_ADDRESS,
    SQL_LIST,
    SQL_ADD,
    SQL_SET_ACCOUNT,
    SQL_SET_PASSWORD,
    SQL_REHASH,
    SQL_SET_DISABLED,
    SQL_REMOVE,
    SQL_KEEP_GONE,
    SQL_ADD_ADDRESS,
    SQL_REMOVE_ADDRESS,
    SQL_ADDRESSES,
    SQL_FIND_ACCOUNT,
    SQL_ADD_GROUP,
    SQL_REMOVE_GROUP,
    SQL_GROUPS,
    SQL_SET_APOP,
    SQL_REMOVE_APOP,
    SQL_APOP,
    SQL_UNFINISHED,
    SQL_GONE,
    SQL_FORGET_GONE,
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_COUNT
};
static const char *const statements[SQL_COUNT] = {
    [SQL_FIND] = "SELECT " USER_COLUMNS " FROM users WHERE name = ?1",
    [SQL_FIND_ADDRESS] =
        "SELECT " USER_COLUMNS " FROM users WHERE name = (SELECT name FROM addresses WHERE address = ?1)",
    [SQL_LIST] = "SELECT " USER_COLUMNS " FROM users WHERE name > ?1 ORDER BY name LIMIT ?2",
    [SQL_ADD] = "INSERT INTO users (" USER_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [SQL_SET_ACCOUNT] = "UPDATE users SET account = ?2 WHERE name = ?1",
    [SQL_SET_PASSWORD] = "UPDATE users SET hash = ?2, version = version + 1, changed = ?3 WHERE name = ?1",
    [SQL_REHASH] = "UPDATE users SET hash = ?2 WHERE name = ?1 AND version = ?3",
    [SQL_SET_DISABLED] = "UPDATE users SET disabled = ?2, changed = ?3 WHERE name = ?1",
    [SQL_REMOVE] = "DELETE FROM users WHERE name = ?1",
    [SQL_KEEP_GONE] = "INSERT OR IGNORE INTO gone (account) SELECT account FROM users WHERE name = ?1 AND account <> 0",
    [SQL_ADD_ADDRESS] = "INSERT INTO addresses (address, name) SELECT ?2, name FROM users WHERE name = ?1",
    [SQL_REMOVE_ADDRESS] = "DELETE FROM addresses WHERE name = ?1 AND address = ?2",
    [SQL_ADDRESSES] = "SELECT address FROM addresses WHERE name = ?1 ORDER BY address",
    [SQL_FIND_ACCOUNT] = "SELECT " USER_COLUMNS " FROM users WHERE account = ?1",
    [SQL_ADD_GROUP] = "INSERT INTO members (name, grouped) SELECT name, ?2 FROM users WHERE name = ?1"
                      " AND (SELECT count(*) FROM members WHERE name = ?1) < ?3",
    [SQL_REMOVE_GROUP] = "DELETE FROM members WHERE name = ?1 AND grouped = ?2",
    [SQL_GROUPS] = "SELECT grouped FROM members WHERE name = ?1 ORDER BY grouped",
    [SQL_SET_APOP] = "INSERT INTO apop (name, secret) SELECT name, ?2 FROM users WHERE name = ?1"
                     " ON CONFLICT (name) DO UPDATE SET secret = ?2",
    [SQL_REMOVE_APOP] = "DELETE FROM apop WHERE name = ?1",
    [SQL_APOP] = "SELECT secret FROM apop WHERE name = ?1",
    [SQL_UNFINISHED] = "SELECT " USER_COLUMNS " FROM users WHERE account = 0",
    [SQL_GONE] = "SELECT account FROM gone",
    [SQL_FORGET_GONE] = "DELETE FROM gone WHERE account = ?1",
    [SQL_BEGIN] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS users (name TEXT PRIMARY KEY, account INTEGER NOT NULL,"
    " version INTEGER NOT NULL, quota INTEGER NOT NULL, created INTEGER NOT NULL,"
    " changed INTEGER NOT NULL, disabled INTEGER NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS addresses (address TEXT PRIMARY KEY, name TEXT NOT NULL"
    " REFERENCES users (name) ON DELETE CASCADE) WITHOUT ROWID;"
    "CREATE INDEX IF NOT EXISTS addresses_name ON addresses (name);"
    "CREATE INDEX IF NOT EXISTS users_unfinished ON users (name) WHERE account = 0;"
    "CREATE INDEX IF NOT EXISTS users_account ON users (account);"
    "CREATE TABLE IF NOT EXISTS members (name TEXT NOT NULL REFERENCES users (name) ON DELETE CASCADE,"
    " grouped TEXT NOT NULL, PRIMARY KEY (name, grouped)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS apop (name TEXT PRIMARY KEY REFERENCES users (name) ON DELETE CASCADE,"
    " secret TEXT NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS gone (account INTEGER PRIMARY KEY);"
    "CREATE TABLE IF NOT EXISTS starts (one INTEGER PRIMARY KEY CHECK (one = 1), count INTEGER);";

struct users {
    sqlite3 *db;
    sqlite3_stmt *prepared[SQL_COUNT];
};

static bool run_text(sqlite3 *db, const char *text, char *error, size_t error_size)
{
    if (sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    const char *why = sqlite3_errmsg(db);
    if (sqlite3_errcode(db) == SQLITE_BUSY)
        why = "in use by another process: stop the server, or talk to it with the same verb";
    snprintf(error, error_size, "can't use the user database: %s", why);
    return false;
}

static int64_t schema_version(sqlite3 *db)
{
    sqlite3_stmt *statement = NULL;
    int64_t version = -1;
    if (sqlite3_prepare_v2(db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return version;
}

/*
 * Exclusive locking before WAL keeps the shared-memory file away. The first commit (the count of starts) opens the log
 * and syncs its folder, so that behind the walls no path is needed any more.
 */
static bool prepare(struct users *users, char *error, size_t error_size)
{
    if (!run_text(users->db,
                  "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                  "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;"
                  "PRAGMA cell_size_check = ON; BEGIN EXCLUSIVE; COMMIT;",
                  error, error_size))
        return false;
    int64_t version = schema_version(users->db);
    if (version < 0 || version > SCHEMA_VERSION) {
        snprintf(error, error_size,
                 "can't use the user database: its format is version %lld, this program knows %d: "
                 "install a newer waxwing",
                 (long long)version, SCHEMA_VERSION);
        return false;
    }
    if (!run_text(users->db, schema, error, error_size) ||
        !run_text(users->db,
                  "PRAGMA user_version = 1;"
                  "INSERT INTO starts (one, count) VALUES (1, 1)"
                  " ON CONFLICT (one) DO UPDATE SET count = count + 1;",
                  error, error_size))
        return false;
    for (size_t i = 0; i < SQL_COUNT; i++)
        if (sqlite3_prepare_v3(users->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT, &users->prepared[i], NULL) !=
            SQLITE_OK) {
            snprintf(error, error_size, "can't use the user database: %s", sqlite3_errmsg(users->db));
            return false;
        }
    return true;
}

struct users *users_open(const char *folder, char *error, size_t error_size)
{
    char path[4096];
    struct users *users = NEW(struct users);
    int keep = 1;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        snprintf(error, error_size, "can't make %s: %s", folder, strerror(errno));
        goto fail;
    }
    if ((size_t)snprintf(path, sizeof(path), "%s/users.db", folder) >= sizeof(path)) {
        snprintf(error, error_size, "can't open %s: the name is too long", folder);
        goto fail;
    }
    mode_t mask = umask(0077);
    int opened =
        sqlite3_open_v2(path, &users->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    bool good = false;
    if (opened == SQLITE_OK) {
        sqlite3_busy_timeout(users->db, 2000);
        good = prepare(users, error, error_size);
        sqlite3_file_control(users->db, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
        sqlite3_busy_timeout(users->db, 0);
    } else {
        snprintf(error, error_size, "can't open %s: %s", path,
                 users->db != NULL ? sqlite3_errmsg(users->db) : "out of memory");
    }
    umask(mask);
    if (good)
        return users;
fail:
    users_close(&users);
    return NULL;
}

void users_close(struct users **users)
{
    if (*users == NULL)
        return;
    for (size_t i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize((*users)->prepared[i]);
    sqlite3_close((*users)->db);
    free(*users);
    *users = NULL;
}

const char *users_error(const struct users *users)
{
    return sqlite3_errmsg(users->db);
}

/* ---- binding and reading ---- */

static sqlite3_stmt *begin(struct users *users, enum statement which, const char *first)
{
    sqlite3_stmt *statement = users->prepared[which];
    if (first != NULL)
        sqlite3_bind_text(statement, 1, first, -1, SQLITE_TRANSIENT);
    return statement;
}

static void end(sqlite3_stmt *statement)
{
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
}

static void copy_text(sqlite3_stmt *statement, int column, char *out, size_t size)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    snprintf(out, size, "%s", text == NULL ? "" : (const char *)text);
}

static void read_user(sqlite3_stmt *statement, struct user *user)
{
    memset(user, 0, sizeof(*user));
    copy_text(statement, 0, user->name, sizeof(user->name));
    user->account = (uint64_t)sqlite3_column_int64(statement, 1);
    user->version = (uint64_t)sqlite3_column_int64(statement, 2);
    user->quota_octets = (uint64_t)sqlite3_column_int64(statement, 3);
    user->created_utc_s = sqlite3_column_int64(statement, 4);
    user->changed_utc_s = sqlite3_column_int64(statement, 5);
    user->disabled = sqlite3_column_int(statement, 6) != 0;
    copy_text(statement, 7, user->hash, sizeof(user->hash));
}

static enum users_result read_one(sqlite3_stmt *statement, struct user *user_r)
{
    int step = sqlite3_step(statement);
    enum users_result result = step == SQLITE_ROW ? USERS_OK : step == SQLITE_DONE ? USERS_NONE : USERS_IO;
    if (result == USERS_OK)
        read_user(statement, user_r);
    end(statement);
    return result;
}

/* Runs a change; USERS_NONE if it touched no row. */
static enum users_result change(struct users *users, sqlite3_stmt *statement)
{
    int step = sqlite3_step(statement);
    enum users_result result = USERS_IO;
    if (step == SQLITE_DONE)
        result = sqlite3_changes(users->db) > 0 ? USERS_OK : USERS_NONE;
    else if (step == SQLITE_CONSTRAINT)
        result = USERS_EXISTS;
    end(statement);
    return result;
}

/* ---- reading ---- */

enum users_result users_find(struct users *users, const char *name, struct user *user_r)
{
    return read_one(begin(users, SQL_FIND, name), user_r);
}

/*
 * In this order: an address somebody was given; a user of that whole name; both again without the detail; then a user
 * whose name is the local part, at any domain.
 */
enum users_result users_find_address(struct users *users, const char *address, char separator, struct user *user_r,
                                     struct view *detail_r)
{
    struct view whole = view_of_string(address);
    struct address with = address_split(whole, 0), without = address_split(whole, separator);
    char bare[NAME_SIZE], local[NAME_SIZE], plain[NAME_SIZE];
    snprintf(bare, sizeof(bare), "%.*s%s%.*s", VIEW_PRINTF(without.local), without.domain.size > 0 ? "@" : "",
             VIEW_PRINTF(without.domain));
    snprintf(local, sizeof(local), "%.*s", VIEW_PRINTF(with.local));
    snprintf(plain, sizeof(plain), "%.*s", VIEW_PRINTF(without.local));
    const struct {
        enum statement statement;
        const char *text;
        bool detail;
    } tries[] = {
        {SQL_FIND_ADDRESS, address, false}, {SQL_FIND, address, false},
        {SQL_FIND_ADDRESS, bare, true},     {SQL_FIND, bare, true},
        {SQL_FIND, local, false},           {SQL_FIND, plain, true},
    };
    *detail_r = VIEW_EMPTY;
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
        enum users_result result = read_one(begin(users, tries[i].statement, tries[i].text), user_r);
        if (result == USERS_NONE)
            continue;
        if (tries[i].detail)
            *detail_r = without.detail;
        return result;
    }
    return USERS_NONE;
}

enum users_result users_list(struct users *users, const char *after, struct user *rows, size_t count, size_t *count_r)
{
    sqlite3_stmt *statement = begin(users, SQL_LIST, after);
    int step = SQLITE_DONE;
    *count_r = 0;
    sqlite3_bind_int64(statement, 2, (int64_t)count);
    while (*count_r < count && (step = sqlite3_step(statement)) == SQLITE_ROW)
        read_user(statement, &rows[(*count_r)++]);
    end(statement);
    return step == SQLITE_DONE || step == SQLITE_ROW ? USERS_OK : USERS_IO;
}

enum users_result users_find_account(struct users *users, uint64_t account, struct user *user_r)
{
    sqlite3_stmt *statement = begin(users, SQL_FIND_ACCOUNT, NULL);
    sqlite3_bind_int64(statement, 1, (int64_t)account);
    return account == 0 ? USERS_NONE : read_one(statement, user_r);
}

static enum users_result each_text(sqlite3_stmt *statement, void (*each)(void *ctx, const char *text), void *ctx)
{
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        char text[NAME_SIZE];
        copy_text(statement, 0, text, sizeof(text));
        each(ctx, text);
    }
    end(statement);
    return step == SQLITE_DONE ? USERS_OK : USERS_IO;
}

enum users_result users_addresses(struct users *users, const char *name, void (*each)(void *ctx, const char *address),
                                  void *ctx)
{
    return each_text(begin(users, SQL_ADDRESSES, name), each, ctx);
}

enum users_result users_groups(struct users *users, const char *name, void (*each)(void *ctx, const char *group),
                               void *ctx)
{
    return each_text(begin(users, SQL_GROUPS, name), each, ctx);
}

enum users_result users_unfinished(struct users *users, void (*each)(void *ctx, const struct user *user), void *ctx)
{
    sqlite3_stmt *statement = begin(users, SQL_UNFINISHED, NULL);
    struct user user;
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
        read_user(statement, &user);
        each(ctx, &user);
    }
    end(statement);
    return step == SQLITE_DONE ? USERS_OK : USERS_IO;
}

enum users_result users_gone(struct users *users, void (*each)(void *ctx, uint64_t account), void *ctx)
{
    sqlite3_stmt *statement = begin(users, SQL_GONE, NULL);
    int step;
    while ((step = sqlite3_step(statement)) == SQLITE_ROW)
        each(ctx, (uint64_t)sqlite3_column_int64(statement, 0));
    end(statement);
    return step == SQLITE_DONE ? USERS_OK : USERS_IO;
}

/* ---- changing ---- */

enum users_result users_add(struct users *users, const struct user *user)
{
    sqlite3_stmt *statement = begin(users, SQL_ADD, user->name);
    sqlite3_bind_int64(statement, 2, (int64_t)user->account);
    sqlite3_bind_int64(statement, 3, 1);
    sqlite3_bind_int64(statement, 4, (int64_t)user->quota_octets);
    sqlite3_bind_int64(statement, 5, clock_wall_s());
    sqlite3_bind_int64(statement, 6, clock_wall_s());
    sqlite3_bind_int(statement, 7, user->disabled ? 1 : 0);
    sqlite3_bind_text(statement, 8, user->hash, -1, SQLITE_TRANSIENT);
    return change(users, statement);
}

enum users_result users_set_account(struct users *users, const char *name, uint64_t account)
{
    sqlite3_stmt *statement = begin(users, SQL_SET_ACCOUNT, name);
    sqlite3_bind_int64(statement, 2, (int64_t)account);
    return change(users, statement);
}

enum users_result users_set_password(struct users *users, const char *name, const char *hash)
{
    sqlite3_stmt *statement = begin(users, SQL_SET_PASSWORD, name);
    sqlite3_bind_text(statement, 2, hash, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(statement, 3, clock_wall_s());
    return change(users, statement);
}

enum users_result users_rehash(struct users *users, const char *name, uint64_t version, const char *hash)
{
    sqlite3_stmt *statement = begin(users, SQL_REHASH, name);
    sqlite3_bind_text(statement, 2, hash, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int64(statement, 3, (int64_t)version);
    return change(users, statement);
}

enum users_result users_set_apop_secret(struct users *users, const char *name, const char *secret)
{
    sqlite3_stmt *statement = begin(users, *secret ? SQL_SET_APOP : SQL_REMOVE_APOP, name);
    if (*secret)
        sqlite3_bind_text(statement, 2, secret, -1, SQLITE_TRANSIENT);
    return change(users, statement);
}

enum users_result users_apop_secret(struct users *users, const char *name, char *secret_r)
{
    sqlite3_stmt *statement = begin(users, SQL_APOP, name);
    int step = sqlite3_step(statement);
    enum users_result result = step == SQLITE_ROW ? USERS_OK : step == SQLITE_DONE ? USERS_NONE : USERS_IO;
    if (result == USERS_OK)
        copy_text(statement, 0, secret_r, LIMIT_PASSWORD_OCTETS + 1);
    end(statement);
    return result;
}

enum users_result users_set_disabled(struct users *users, const char *name, bool disabled)
{
    sqlite3_stmt *statement = begin(users, SQL_SET_DISABLED, name);
    sqlite3_bind_int(statement, 2, disabled ? 1 : 0);
    sqlite3_bind_int64(statement, 3, clock_wall_s());
    return change(users, statement);
}

enum users_result users_remove(struct users *users, const char *name)
{
    if (change(users, begin(users, SQL_BEGIN, NULL)) == USERS_IO)
        return USERS_IO;
    enum users_result result = change(users, begin(users, SQL_KEEP_GONE, name));
    if (result != USERS_IO)
        result = change(users, begin(users, SQL_REMOVE, name));
    if (result == USERS_OK && change(users, begin(users, SQL_COMMIT, NULL)) != USERS_IO)
        return USERS_OK;
    change(users, begin(users, SQL_ROLLBACK, NULL));
    return result == USERS_OK ? USERS_IO : result;
}

enum users_result users_add_address(struct users *users, const char *name, const char *address)
{
    sqlite3_stmt *statement = begin(users, SQL_ADD_ADDRESS, name);
    sqlite3_bind_text(statement, 2, address, -1, SQLITE_TRANSIENT);
    return change(users, statement);
}

enum users_result users_remove_address(struct users *users, const char *name, const char *address)
{
    sqlite3_stmt *statement = begin(users, SQL_REMOVE_ADDRESS, name);
    sqlite3_bind_text(statement, 2, address, -1, SQLITE_TRANSIENT);
    return change(users, statement);
}

enum users_result users_add_group(struct users *users, const char *name, const char *group)
{
    sqlite3_stmt *statement = begin(users, SQL_ADD_GROUP, name);
    sqlite3_bind_text(statement, 2, group, -1, SQLITE_TRANSIENT);
    sqlite3_bind_int(statement, 3, LIMIT_GROUPS);
    return change(users, statement);
}

enum users_result users_remove_group(struct users *users, const char *name, const char *group)
{
    sqlite3_stmt *statement = begin(users, SQL_REMOVE_GROUP, name);
    sqlite3_bind_text(statement, 2, group, -1, SQLITE_TRANSIENT);
    return change(users, statement);
}

enum users_result users_forget_gone(struct users *users, uint64_t account)
{
    sqlite3_stmt *statement = begin(users, SQL_FORGET_GONE, NULL);
    sqlite3_bind_int64(statement, 1, (int64_t)account);
    return change(users, statement);
}

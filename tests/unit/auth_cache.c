#include "auth/cache.h"
#include "base/limits.h"
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* A thousand users; for each what is the password, its version, and until when which answer is remembered. */
enum { USERS = 1000, PASSWORDS = 3 };
struct oracle {
    uint64_t version;
    struct {
        uint64_t until_ms;
        bool good;
    } known[PASSWORDS];
};

static struct cache_key key_of(struct cache *cache, int user, uint64_t version, int password)
{
    char name[16], text[16];
    snprintf(name, sizeof(name), "user%d", user);
    snprintf(text, sizeof(text), "secret%d", password);
    return cache_key(cache, view_of_string(name), version, view_of_string(text));
}

/* May forget (its table is bounded), but never answers what the oracle does not. */
static void the_cache_never_says_what_the_oracle_does_not(void **state)
{
    static struct oracle oracle[USERS];
    struct cache *cache = cache_new();
    uint64_t now_ms = 5000;
    unsigned random = 12345;
    size_t hits = 0, forgotten = 0;
    for (int i = 0; i < USERS; i++)
        oracle[i].version = 1;
    for (int step = 0; step < 300000; step++) {
        random = random * 1103515245u + 12345u;
        int user = (int)((random >> 8) % USERS), password = (int)((random >> 20) % PASSWORDS);
        struct oracle *o = &oracle[user];
        now_ms += (random >> 28) * 7;
        if ((random >> 4) % 97 == 0) { /* a new password */
            o->version++;
            memset(o->known, 0, sizeof(o->known));
            if (step % 2 == 0)
                cache_forget(cache, (uint64_t)user + 1);
        }
        struct cache_key key = key_of(cache, user, o->version, password);
        enum cache_answer answer = cache_find(cache, key, now_ms);
        bool right = (uint64_t)password == o->version % PASSWORDS;
        if (o->known[password].until_ms > now_ms) {
            enum cache_answer want = o->known[password].good ? CACHE_GOOD : CACHE_WRONG;
            assert_true(answer == want || answer == CACHE_NOTHING);
            hits += answer == want;
            forgotten += answer == CACHE_NOTHING;
        } else {
            assert_int_equal(answer, CACHE_NOTHING);
        }
        if (answer == CACHE_NOTHING) {
            cache_put(cache, key, (uint64_t)user + 1, right, now_ms);
            o->known[password].until_ms = now_ms + LIMIT_AUTH_CACHE_MS;
            o->known[password].good = right;
        }
    }
    assert_true(hits > 100000);
    assert_true(forgotten < hits / 100);
    cache_free(&cache);
}

static void name_version_and_password_are_kept_apart(void **state)
{
    struct cache *cache = cache_new();
    cache_put(cache, cache_key(cache, VIEW_LITERAL("ab"), 1, VIEW_LITERAL("c")), 1, true, 1);
    assert_int_equal(cache_find(cache, cache_key(cache, VIEW_LITERAL("ab"), 1, VIEW_LITERAL("c")), 2), CACHE_GOOD);
    assert_int_equal(cache_find(cache, cache_key(cache, VIEW_LITERAL("a"), 1, VIEW_LITERAL("bc")), 2), CACHE_NOTHING);
    assert_int_equal(cache_find(cache, cache_key(cache, VIEW_LITERAL("ab"), 2, VIEW_LITERAL("c")), 2), CACHE_NOTHING);
    assert_int_equal(cache_find(cache, cache_key(cache, VIEW_LITERAL("ab"), 1, VIEW_LITERAL("C")), 2), CACHE_NOTHING);
    cache_forget(cache, 2);
    assert_int_equal(cache_find(cache, cache_key(cache, VIEW_LITERAL("ab"), 1, VIEW_LITERAL("c")), 2), CACHE_GOOD);
    cache_forget(cache, 1);
    assert_int_equal(cache_find(cache, cache_key(cache, VIEW_LITERAL("ab"), 1, VIEW_LITERAL("c")), 2), CACHE_NOTHING);
    cache_free(&cache);
}

static void an_answer_ends_with_its_time(void **state)
{
    struct cache *cache = cache_new();
    struct cache_key key = cache_key(cache, VIEW_LITERAL("ann"), 1, VIEW_LITERAL("x"));
    cache_put(cache, key, 1, false, 100);
    assert_int_equal(cache_find(cache, key, 100 + LIMIT_AUTH_CACHE_MS - 1), CACHE_WRONG);
    assert_int_equal(cache_find(cache, key, 100 + LIMIT_AUTH_CACHE_MS), CACHE_NOTHING);
    cache_free(&cache);
}

int main(void)
{
    if (sodium_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cache_never_says_what_the_oracle_does_not),
        cmocka_unit_test(name_version_and_password_are_kept_apart),
        cmocka_unit_test(an_answer_ends_with_its_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

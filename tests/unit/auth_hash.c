/* Hashes of the password "correct horse" for ann@example.org, made by another server (Dovecot 2.3, doveadm pw). */
#include "auth/hash.h"
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char *const foreign[] = {
    "{PLAIN}correct horse",
    "{MD5-CRYPT}$1$Cgp.IYLg$i/HbRhiWj24T/NHIhRZjF1",
    "{SHA256-CRYPT}$5$5GigJrPYvK1hz8Yw$hwxyLwGrsaFtGMCpr4abxYW5wq/JOpbYhSzNz4HCnBA",
    "{SHA512-CRYPT}$6$S6aWeJq9ahpyn9YT$.jcFPJENb3QU04AgSo3O8Ymha6i7s5KBzyzw8S3aHjuPUcSxQMr3mTTSquH3HFRrGGE/"
    "SGanhvIZI8IZ4QXCF.",
    "{BLF-CRYPT}$2y$05$deO1GtLWF5rJs8HR8D8Gi.9gxbarrGDCGTOItPmECXUHawynxFms6",
    "{CRYPT}$2y$05$xC2rV177CQToNSCFzZudtOKEx9fJKtfXm.3E7F2Zlm/pT0dcSVOxy",
    "$2y$05$xC2rV177CQToNSCFzZudtOKEx9fJKtfXm.3E7F2Zlm/pT0dcSVOxy",
    "{SHA}L55TUjtiq8FBorTWAZ0jy6g129A=",
    "{SSHA}uoOF9dj7q/+5mIezYxQCuIZPSjjjwSwR",
    "{SHA256}QQTTb42iwlQ0n4WDZ5Pr4CngyVcGOjTJHC6SAxh7VjE=",
    "{SSHA256}tzAT0X1IDpvVstfWSJx4yx8drFjK8eJkTwZc4qE9ZALTAkXX",
    "{SHA512}VraY3v7bWkNbY0r+MyC7rz/c2SC2xQOkRvx7endrKY1HnRumqLYXgI6wv1ec6aldZoNHvKtxSQhayTyyeZUZew==",
    "{SSHA512}cubF6uyU+JNZT+llFJuo/LiUre/2RhnAPK++2O7d1mfgmspXA4oeR9lVardPsERY4vJ1kCc9/Jxb7ZKQn8wz21i+CO0=",
    "{SMD5}wIR7ZHzYszKMVpUf+/zDPdN2CsA=",
    "{LDAP-MD5}PLTnMmMfR+brlh80VUt83g==",
    "{PLAIN-MD5}3cb4e732631f47e6eb961f34554b7cde",
    "{CRAM-MD5}38b57fd1a0c4b46c814aa05f20318edd71c455380655f2c0ac35c5b359528d29",
    "{DIGEST-MD5}f3866b6b0c8e8c796e55c9b3a101ac49",
    "{SCRAM-SHA-1}4096,DM9LKUylEBgGJdYNHW9ymw==,zQp+3rTOF2j39rvqQIjjjTlVWJw=,1TRcTc+BqalCZSjUbiTwdsMuorE=",
    "{SCRAM-SHA-256}4096,5ap4UH3sDbyAcWplssTmmA==,BV1mZYqWaGHW5LMfqVz2scvOzfeOXxY7mur+MbQvcUM=,UwiH3MRQbME1qSKI/"
    "7lp3+WKmGx5jKJSWEPzfoUBL/w=",
    "{PBKDF2}$1$0SjTmgfFr9hEVwC2$5000$e0b9cf1213cf2b57985ad09c6b73f629900d2f83",
    "{ARGON2I}$argon2i$v=19$m=32768,t=4,p=1$R3KmRjPB4E4G8yQefPe/Aw$e76tC+L9jQ9e95VDRrM+ls+Do2zGrF3U1DklKggbPVk",
    "{ARGON2ID}$argon2id$v=19$m=65536,t=3,p=1$kPDNS72gCx+XwoNrq47yTA$xABR8Ex0tJvMs9UnSJBkvg+ZJkfCeZYBjAhhWhx7z3E",
    "{SHA.HEX}2f9e53523b62abc141a2b4d6019d23cba835dbd0",
    "{SSHA.HEX}66b207f1e53f99b118f9526bc771cf6af3fe9dea2e01b606",
    "{PLAIN.B64}Y29ycmVjdCBob3JzZQ==",
    "{SSHA512.B64}VpIXxSQXT6+o4Z4N0pWYeQAuuJ+KnRrO3Y85PXbqWy+"
    "fUXGTAYoYiNVlechYJYZajtWKFDBzmph323TmJnGenz7/MnE=",
    "{ssha.hex}66b207f1e53f99b118f9526bc771cf6af3fe9dea2e01b606",
};
static const size_t foreign_count = sizeof(foreign) / sizeof(foreign[0]);
#define NAME VIEW_LITERAL("ann@example.org")

static void every_scheme_takes_the_right_password_and_no_other(void **state)
{
    for (size_t i = 0; i < foreign_count; i++) {
        struct view text = view_of_string(foreign[i]);
        if (hash_verify(text, VIEW_LITERAL("correct horse"), NAME) != HASH_GOOD)
            fail_msg("not verified: %s", foreign[i]);
        assert_int_equal(hash_verify(text, VIEW_LITERAL("correct horsf"), NAME), HASH_WRONG);
        assert_int_equal(hash_verify(text, VIEW_LITERAL(""), NAME), HASH_WRONG);
        assert_int_equal(hash_verify(text, view_of("correct horse\0x", 15), NAME), HASH_WRONG);
        assert_true(hash_is_outdated(text));
        assert_true(hash_is_known(text));
    }
}

static void a_digest_md5_belongs_to_its_name(void **state)
{
    struct view text = VIEW_LITERAL("{DIGEST-MD5}f3866b6b0c8e8c796e55c9b3a101ac49");
    assert_int_equal(hash_verify(text, VIEW_LITERAL("correct horse"), VIEW_LITERAL("bob@example.org")), HASH_WRONG);
}

static void no_prefix_of_a_hash_lets_anybody_in(void **state)
{
    for (size_t i = 0; i < foreign_count; i++) {
        /* Costly ones are cut at fewer places. */
        size_t step = strstr(foreign[i], "ARGON") != NULL ? 17 : 1;
        for (size_t size = 0; size < strlen(foreign[i]); size += step) {
            char *exact = malloc(size + 1);
            memcpy(exact, foreign[i], size);
            exact = realloc(exact, size > 0 ? size : 1);
            assert_int_not_equal(hash_verify(view_of(exact, size), VIEW_LITERAL("correct horse"), NAME), HASH_GOOD);
            free(exact);
        }
    }
}

static void what_is_no_hash_is_unknown(void **state)
{
    static const char *const texts[] = {"",        "{",       "{}",        "{NONE}x",       "{SHA.oct}x",
                                        "x",       "secret",  "{SHA}!!!!", "{PBKDF2}$1$x",  "{SCRAM-SHA-256}1,,,",
                                        "{SSHA}x", "{CRYPT}", "{CRYPT}*0", "{PLAIN-MD5}00", "{PLAIN.b64}!"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        assert_int_equal(hash_verify(view_of_string(texts[i]), VIEW_LITERAL("x"), NAME), HASH_UNKNOWN);
}

static void our_own_hashes_are_argon2id_of_19_mib_and_two_passes(void **state)
{
    char a[HASH_TEXT_MAX], b[HASH_TEXT_MAX];
    assert_true(hash_make(VIEW_LITERAL("p\xc3\xa4ss"), a));
    assert_true(hash_make(VIEW_LITERAL("p\xc3\xa4ss"), b));
    assert_string_not_equal(a, b);
    assert_memory_equal(a, "{ARGON2ID}$argon2id$v=19$m=19456,t=2,p=1$", 41);
    assert_int_equal(hash_verify(view_of_string(a), VIEW_LITERAL("p\xc3\xa4ss"), NAME), HASH_GOOD);
    assert_int_equal(hash_verify(view_of_string(a), VIEW_LITERAL("pass"), NAME), HASH_WRONG);
    assert_false(hash_is_outdated(view_of_string(a)));
}

int main(void)
{
    if (!hash_warm_up())
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scheme_takes_the_right_password_and_no_other),
        cmocka_unit_test(a_digest_md5_belongs_to_its_name),
        cmocka_unit_test(no_prefix_of_a_hash_lets_anybody_in),
        cmocka_unit_test(what_is_no_hash_is_unknown),
        cmocka_unit_test(our_own_hashes_are_argon2id_of_19_mib_and_two_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

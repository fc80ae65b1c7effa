/* search/program.c: see search/program.h. */
#include "search/program.h"
#include "base/limits.h"
#include "base/memory.h"
#include "digest/text.h"
#include <stdlib.h>

bool search_program_add(struct search_program *p, struct search_key key)
{
    if (p->count == SEARCH_KEYS) {
        uidset_unref(&key.set);
        return false;
    }
    if (p->count == p->room) {
        p->room = p->room ? p->room * 2 : 16;
        p->keys = memory_resize(p->keys, p->room * sizeof *p->keys);
    }
    p->keys[p->count++] = key;
    return true;
}

void search_program_free(struct search_program *p)
{
    for (size_t i = 0; i < p->count; i++)
        uidset_unref(&p->keys[i].set);
    buffer_free(&p->match_octets);
    free(p->keys);
    free(p->stack);
    *p = (struct search_program){0};
}

/* ---- readying ---- */

static struct view fold(struct arena *arena, struct view text)
{
    struct buffer folded = {0};
    text_fold(text, &folded);
    struct view kept = arena_view(arena, buffer_view(&folded));
    buffer_free(&folded);
    return kept;
}

/* A keyword that the account doesn't have is on no message, yet. */
static enum store_error find_keywords(struct search_program *p, const struct reader *reader)
{
    struct arena arena;
    struct view *names;
    size_t count;
    arena_init(&arena, LIMIT_COMMAND_MEMORY);
    enum store_error error = keyword_names(reader, &arena, &names, &count);
    p->keywords_missing = false;
    for (size_t i = 0; !error && i < p->count; i++) {
        struct search_key *key = &p->keys[i];
        if (key->op != SEARCH_KEYWORD)
            continue;
        size_t number = 0;
        while (number < count && !view_equal_nocase(names[number], key->text))
            number++;
        key->number = number < count ? (int64_t)number : -1;
        p->keywords_missing = p->keywords_missing || key->number < 0;
    }
    arena_free(&arena);
    return error;
}

enum store_error search_program_ready(struct search_program *p, const struct reader *reader, struct arena *arena)
{
    enum store_error error = !p->ready || p->keywords_missing ? find_keywords(p, reader) : STORE_OK;
    if (error || p->ready)
        return error;
    for (size_t i = 0; i < p->count; i++)
        if (p->keys[i].op == SEARCH_ADDRESS || p->keys[i].op == SEARCH_ANNOTATION)
            p->keys[i].text = fold(arena, p->keys[i].text);
    match_keys_write(p->matches, p->match_count, &p->match_octets);
    p->stack = memory_array(p->count + 1, sizeof *p->stack);
    p->ready = true;
    return STORE_OK;
}

/* ---- copies ---- */

static struct search_ranges *copy_ranges(struct arena *arena, const struct search_ranges *from)
{
    struct search_ranges *copy = ARENA_NEW(arena, struct search_ranges);
    *copy = *from;
    copy->ranges = ARENA_ARRAY(arena, from->count + 1, struct search_range);
    memcpy(copy->ranges, from->ranges, from->count * sizeof *from->ranges);
    return copy;
}

void search_program_copy(const struct search_program *from, struct arena *arena, struct search_program *to)
{
    *to = *from;
    to->keys = memory_array(from->count + 1, sizeof *to->keys);
    to->room = from->count + 1;
    to->match_octets = (struct buffer){0};
    to->stack = from->stack ? memory_array(from->count + 1, sizeof *to->stack) : NULL;
    for (size_t i = 0; i < from->count; i++) {
        struct search_key *key = &to->keys[i];
        *key = from->keys[i];
        key->text = arena_view(arena, key->text);
        key->name = arena_view(arena, key->name);
        key->set = key->set ? uidset_ref(key->set) : NULL;
        key->ranges = key->ranges ? copy_ranges(arena, key->ranges) : NULL;
    }
    for (size_t i = 0; i < from->match_count; i++) {
        to->matches[i].field = arena_view(arena, from->matches[i].field);
        to->matches[i].needle = arena_view(arena, from->matches[i].needle);
    }
    buffer_append_view(&to->match_octets, buffer_view(&from->match_octets));
}

/* ---- bounds ---- */

/* Postfix: from the end, AND's operands are looked at one by one; anything else is passed whole. */
struct uidset *search_program_bound(const struct search_program *p)
{
    struct uidset *bound = NULL;
    size_t pass = 0; /* operands of what isn't AND, still to be passed */
    for (size_t i = p->count; i-- > 0;) {
        const struct search_key *key = &p->keys[i];
        if (pass) {
            pass += key->op == SEARCH_AND || key->op == SEARCH_OR ? 1 : 0;
            pass -= key->op < SEARCH_NOT ? 1 : 0;
        } else if (key->op == SEARCH_NOT || key->op == SEARCH_OR) {
            pass = key->op == SEARCH_NOT ? 1 : 2;
        } else if ((key->op != SEARCH_SET && key->op != SEARCH_ANNOTATION) || !key->set) {
            continue;
        } else if (!bound) {
            bound = uidset_copy(key->set);
        } else {
            uidset_intersect(bound, key->set);
        }
    }
    return bound;
}

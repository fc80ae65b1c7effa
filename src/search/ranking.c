/* search/ranking.c: see search/ranking.h. */
#include "search/ranking.h"
#include "base/memory.h"
#include <stdlib.h>

bool ranking_lasts(const struct order_program *program)
{
    for (size_t i = 0; i < program->count; i++)
        if (program->criteria[i].by == ORDER_RELEVANCY || program->criteria[i].by == ORDER_ANNOTATION)
            return false;
    return true;
}

struct view ranking_name(const struct order_program *program, char octets[static RANKING_NAME_OCTETS])
{
    size_t size = 0;
    octets[size++] = 's';
    for (size_t i = 0; i < program->count; i++) {
        octets[size++] = (char)program->criteria[i].by;
        octets[size++] = (char)program->criteria[i].reverse;
    }
    return view_of(octets, size);
}

/* ---- making ---- */

static void free_ranking(struct kept *kept)
{
    struct ranking *r = (struct ranking *)(void *)kept;
    order_free(&r->order);
    uidset_unref(&r->uids);
    free(r->places);
    free(r);
}

static bool stays(uint32_t uid, const struct uidset *present, uint32_t from)
{
    return uid >= from || uidset_has(present, uid);
}

static bool merge(struct ranking *r, const struct ranking *base, const struct order *fresh,
                  const struct uidset *present, uint32_t from)
{
    size_t old = 0, new = 0, old_count = base ? base->order.count : 0;
    bool good = true;
    while (good && (old < old_count || new < fresh->count)) {
        bool takes_old = new == fresh->count || (old < old_count && order_compare(&base->order, old, fresh, new) < 0);
        if (!takes_old)
            good = order_add_from(&r->order, fresh, new ++);
        else if (stays(order_uid(&base->order, old), present, from))
            good = order_add_from(&r->order, &base->order, old++);
        else
            old++;
    }
    return good;
}

/* Places by UID: through an array over all UIDs between the first and the last, unless they are far apart. */
static void note_places(struct ranking *r)
{
    size_t count = r->order.count;
    for (size_t i = 0; i < count; i++)
        uidset_add(r->uids, order_uid(&r->order, i));
    uidset_optimize(r->uids);
    uint32_t first = uidset_min(r->uids);
    size_t span = (size_t)uidset_max(r->uids) - first + 1;
    if (span > 4 * count) {
        for (size_t i = 0; i < count; i++)
            r->places[uidset_rank(r->uids, order_uid(&r->order, i)) - 1] = (uint32_t)i;
        return;
    }
    uint32_t *by_uid = memory_array(span, sizeof *by_uid);
    for (size_t i = 0; i < count; i++)
        by_uid[order_uid(&r->order, i) - first] = (uint32_t)i + 1;
    for (size_t i = 0, at = 0; i < span; i++)
        if (by_uid[i])
            r->places[at++] = by_uid[i] - 1;
    free(by_uid);
}

struct ranking *ranking_make(const struct ranking *base, const struct order *fresh, const struct uidset *present,
                             uint32_t from)
{
    struct ranking *r = NEW(struct ranking);
    r->uids = uidset_new();
    if (!merge(r, base, fresh, present, from) || !r->order.count) {
        free_ranking(&r->kept);
        return NULL;
    }
    r->places = memory_array(r->order.count, sizeof *r->places);
    note_places(r);
    size_t octets = sizeof *r + order_octets(&r->order) + r->order.count * sizeof *r->places + uidset_memory(r->uids);
    purse_empty(&r->order.purse); /* the keep counts it from here on */
    kept_init(&r->kept, octets, free_ranking);
    return r;
}

/* ---- choosing ---- */

/* Goes through those of `found` that the ranking has, ascending. */
struct through {
    const struct ranking *ranking;
    const struct uidset *found;
    uint32_t first, last; /* a run of the ranking's UIDs, `before` of which are below it */
    size_t before;
    uint32_t uid, end; /* the next of a run of `found` */
    bool over;
};

static struct through through_begin(const struct ranking *ranking, const struct uidset *found)
{
    struct through t = {.ranking = ranking, .found = found};
    t.over = !uidset_run(ranking->uids, 1, &t.first, &t.last) || !uidset_run(found, 1, &t.uid, &t.end);
    return t;
}

static void next_run(struct through *t)
{
    t->before += t->last - t->first + 1;
    t->over = t->last == UINT32_MAX || !uidset_run(t->ranking->uids, t->last + 1, &t->first, &t->last);
}

static void next_uid(struct through *t)
{
    if (t->uid < t->end)
        t->uid++;
    else
        t->over = t->end == UINT32_MAX || !uidset_run(t->found, t->end + 1, &t->uid, &t->end);
}

static bool through_next(struct through *t, uint32_t *place_r)
{
    while (!t->over) {
        if (t->uid > t->last) {
            next_run(t);
            continue;
        }
        bool has = t->uid >= t->first;
        if (has)
            *place_r = t->ranking->places[t->before + (t->uid - t->first)];
        next_uid(t);
        if (has)
            return true;
    }
    return false;
}

bool ranking_choose(const struct ranking *ranking, const struct uidset *found, struct order *out)
{
    size_t words = ranking->order.count / 64 + 1;
    if (!purse_reach(&out->purse, words * sizeof(uint64_t)))
        return false;
    uint64_t *marks = memory_array(words, sizeof *marks);
    struct through t = through_begin(ranking, found);
    uint32_t place;
    while (through_next(&t, &place))
        marks[place / 64] |= UINT64_C(1) << place % 64;
    bool good = true;
    for (size_t i = 0; i < words && good; i++)
        for (uint64_t left = marks[i]; left && good; left &= left - 1)
            good = order_add(out, VIEW_EMPTY, order_uid(&ranking->order, i * 64 + (size_t)__builtin_ctzll(left)));
    free(marks);
    return good;
}

bool ranking_copy(const struct ranking *ranking, const struct uidset *found, struct order *out)
{
    struct through t = through_begin(ranking, found);
    uint32_t place;
    while (through_next(&t, &place))
        if (!order_add_from(out, &ranking->order, place))
            return false;
    return true;
}

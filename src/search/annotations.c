/*
 * search/annotations.c: which messages have an annotation that a search asks for: see search/walk.h.
 *
 * Does     goes once through the annotations of the mailbox, which are few beside its messages, before the walk; each
 *          key's set of messages is known then, and bounds the walk where it can. No message is read for it.
 * Called   by walk.c, until it returns something else than STORE_MORE.
 * Tested   tests/e2e/test_cap_annotate_experiment_1.py
 */
#include "base/clock.h"
#include "base/wildcard.h"
#include "digest/text.h"
#include "search/walk.h"

struct finding {
    struct search_walk *walk;
    struct buffer folded;
    bool full;
};

static bool is_asked_for(const struct search_key *key, const struct annotation *a)
{
    uint8_t whose = a->owner == ANNOTATION_SHARED ? ANNOTATION_OF_ALL : ANNOTATION_OF_READER;
    return key->op == SEARCH_ANNOTATION && (key->mask & whose) && wildcard_matches(key->name, a->entry);
}

static void look_at(void *ctx, uint32_t uid, const struct annotation *a)
{
    struct finding *f = ctx;
    struct search_program *p = f->walk->program;
    if (f->full || !uidset_has(f->walk->domain, uid))
        return;
    buffer_clear(&f->folded);
    text_fold(a->value, &f->folded);
    for (size_t i = 0; i < p->count; i++)
        if (is_asked_for(&p->keys[i], a) && view_contains(buffer_view(&f->folded), p->keys[i].text))
            uidset_add(p->keys[i].set, uid);
    f->full = f->walk->annotated && !f->walk->annotated(f->walk, uid, a, buffer_view(&f->folded));
}

/* The sets of another mailbox go. False: no annotation is wanted. */
static bool begin(struct search_walk *w)
{
    bool any = w->annotated != NULL;
    for (size_t i = 0; i < w->program->count; i++) {
        struct search_key *key = &w->program->keys[i];
        if (key->op != SEARCH_ANNOTATION)
            continue;
        uidset_unref(&key->set);
        key->set = uidset_new();
        any = true;
    }
    return any;
}

enum store_error search_annotations_find(struct search_walk *w, const struct reader *reader, uint64_t deadline_us)
{
    struct finding f = {.walk = w};
    enum store_error error = STORE_OK;
    if (!w->annotations.begun && !begin(w))
        w->annotations = (struct annotation_place){.begun = true, .at_end = true};
    while (!error && !w->annotations.at_end && !f.full) {
        error = annotations_each(reader, w->mailbox, w->session->account, &w->annotations, look_at, &f);
        if (!error && !w->annotations.at_end && clock_monotonic_us() > deadline_us)
            error = STORE_MORE;
    }
    buffer_free(&f.folded);
    return error ? error : f.full ? STORE_LIMIT : STORE_OK;
}

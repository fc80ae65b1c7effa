/*
 * imap/thread.c: THREAD by ORDEREDSUBJECT, REFERENCES (RFC 5256 3) and REFS.
 *
 * Does     finds as SEARCH does, keeps the stored hashes of each message, builds the threads (search/threads.h), tells.
 * Waits    on the pool for the building, so that no loop stands still.
 * Limits   LIMIT_SEARCH_MEMORY, LIMIT_THREAD_STEPS.
 * Tested   tests/unit/search_threads.c, tests/e2e/test_cap_thread.py
 */
#include "base/hash.h"
#include "imap/search.h"
#include "search/thread_kept.h"

struct thread {
    struct searching searching;
    struct threads threads;
    struct threads_place place;
    struct thread_facts *facts;   /* what is known from before; null: nothing */
    struct thread_forest *forest; /* what is told instead of `threads`, unless it is null */
    bool begun, found, built, telling;
};

static bool take_algorithm(struct arguments *a, enum threads_kind *kind_r)
{
    static const struct {
        const char *name;
        enum threads_kind kind;
    } kinds[] = {
        {"ORDEREDSUBJECT", THREADS_ORDEREDSUBJECT}, {"REFERENCES", THREADS_REFERENCES}, {"REFS", THREADS_REFS}};
    struct view word;
    if (!arguments_atom(a, &word))
        return false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        *kind_r = kinds[i].kind;
        if (view_equal_string_nocase(word, kinds[i].name))
            return true;
    }
    a->problem = "Unknown algorithm of THREAD";
    return false;
}

/* RFC 5256 3: those of References; without any the first of In-Reply-To alone. Of a forged number of them the last. */
static size_t references_of(const struct digest *d, uint64_t *ids)
{
    uint32_t first = d->reference_count > d->reply_count ? d->reply_count : 0, count = d->reference_count - first;
    if (d->reference_count == d->reply_count && count > 1)
        count = 1;
    for (uint32_t i = 0; i < count; i++)
        ids[i] = digest_reference_at(d, first + i);
    return count;
}

static bool found_one(struct searching *searching, const struct message_row *row, const struct email *email,
                      const char *bits)
{
    struct thread *t = (struct thread *)(void *)searching;
    if (search_walk_knows(&searching->walk, row->uid))
        return true;
    const struct digest *d = &email->digest;
    uint64_t ids[LIMIT_REFERENCES], subject = d->sort_subject.size ? hash_seeded(d->sort_subject, 0) : 0;
    struct thread_message message = {.uid = row->uid,
                                     .is_reply = d->subject_is_reply,
                                     .sent_s = order_sent_date(row, email),
                                     .arrived_s = row->internal_utc_s,
                                     .subject = subject,
                                     .id = d->message_id_hash};
    return threads_add(&t->threads, &message, ids, references_of(d, ids));
}

bool thread_parse(struct imap *imap, struct arguments *a)
{
    struct thread *t = ARENA_NEW(a->arena, struct thread);
    imap->state = t;
    t->searching.found_one = found_one;
    t->searching.walk.wants_email = true;
    t->searching.whole = true;
    return arguments_space(a) && take_algorithm(a, &t->threads.kind) && arguments_space(a) &&
           search_charset_parse(a, &t->searching.charset) && arguments_space(a) &&
           searching_parse(&t->searching, imap, a);
}

void thread_drop(struct imap *imap)
{
    struct thread *t = imap->state;
    if (!t)
        return;
    searching_free(&t->searching);
    threads_free(&t->threads);
    kept_unref((struct kept *)t->facts);
    kept_unref((struct kept *)t->forest);
}

/* ---- what is kept ---- */

enum { WORTH_KEEPING = 256, MESSAGES_A_LOOK = 64 };

/* No ranking is kept under such names. */
static struct view facts_name(void)
{
    return view_of_string("facts");
}

static struct view forest_name(enum threads_kind kind)
{
    static const char *const names[] = {
        [THREADS_ORDEREDSUBJECT] = "orderedsubject", [THREADS_REFERENCES] = "references", [THREADS_REFS] = "refs"};
    return view_of_string(names[kind]);
}

static void begin(struct thread *t)
{
    t->begun = true;
    t->facts = (struct thread_facts *)searching_take(&t->searching, facts_name());
    t->searching.walk.known = t->facts ? t->facts->uids : NULL;
}

/* Keeps what is new, and takes what was known. False: there is no memory for it. */
static bool complete(struct imap *imap, struct thread *t)
{
    size_t found = uidset_count(t->searching.found);
    bool worth = t->facts || (found > WORTH_KEEPING && found >= uidset_count(imap->selected.uids) / 2);
    if (t->threads.count && worth) {
        struct thread_facts *made =
            thread_facts_make(t->facts, &t->threads, imap->selected.uids, imap->selected.next_uid);
        if (made)
            searching_put(&t->searching, facts_name(), &made->kept);
        kept_unref((struct kept *)made);
    }
    return !t->facts || thread_facts_add(t->facts, t->searching.found, &t->threads);
}

/* The threads of what was found: those from the last time, if that was the same. False: there is no memory for them. */
static bool build(struct imap *imap, struct thread *t)
{
    struct view name = forest_name(t->threads.kind);
    struct thread_forest *last = (struct thread_forest *)searching_take(&t->searching, name);
    if (last && uidset_equal(last->found, t->searching.found)) {
        t->forest = last;
        return true;
    }
    kept_unref((struct kept *)last);
    if (!complete(imap, t) || !threads_build(&t->threads))
        return false;
    if (t->threads.count > WORTH_KEEPING) {
        t->forest = thread_forest_make(&t->threads, t->searching.found);
        searching_put(&t->searching, name, &t->forest->kept);
    }
    return true;
}

/* ---- the command ---- */

static enum step_result tell(struct imap *imap, struct thread *t, struct step_context *context)
{
    const struct threads *threads = t->forest ? &t->forest->threads : &t->threads;
    struct buffer *out = imap_output(imap);
    enum step_result result;
    if (!t->telling)
        buffer_append_string(out, threads->count ? "* THREAD " : "* THREAD");
    t->telling = true;
    for (unsigned told = 1; threads_write(threads, &t->place, search_told_number, imap, out); told++)
        if (told % MESSAGES_A_LOOK == 0 && imap_slice_over(imap, context, &result))
            return result;
    buffer_append_string(out, "\r\n");
    imap_finish(imap, "OK", NULL, "Thread completed");
    return STEP_DONE;
}

enum step_result thread_step(struct imap *imap, struct step_context *context)
{
    struct thread *t = imap->state;
    if (!t->begun)
        begin(t);
    if (!t->found) {
        enum step_result result = searching_step(&t->searching, context, &t->found);
        if (result != STEP_DONE || !t->found)
            return result;
    }
    if (!t->built && uidset_count(t->searching.found) && context->mode != READ_BLOCKING)
        return imap_wait_pool(context);
    if (!t->built && !build(imap, t)) {
        searching_fail(&t->searching, STORE_LIMIT);
        return STEP_DONE;
    }
    t->built = true;
    return tell(imap, t, context);
}

/* imap/copy_across.c: see imap/copy_across.h. */
#include "imap/copy_across.h"
#include "store/annotation.h"

enum { STRETCH = 262144 };

enum across_phase { ACROSS_READ, ACROSS_PARSE, ACROSS_ADD, ACROSS_REMOVE };

struct across_message {
    struct across *across;
    struct message_row row;
    struct staged *staged;
    struct staged_request request;
    bool parsed;
    uint32_t uid; /* the new one */
    struct annotations annotations;
};

struct across {
    struct imap *imap;
    const struct uidset *set;
    const struct place *target;
    struct copy *copy;
    enum across_phase phase;
    struct across_message *messages;
    size_t count;
    uint32_t next_uid;
    uint64_t at; /* octets of the last message that were read */
    struct view *names;
    size_t name_count;
    bool looked;    /* for annotations */
    bool annotated; /* there are some in the account that the messages come from */
    struct expunge expunge;
};

struct across *across_new(struct imap *imap, const struct uidset *set, const struct place *target, struct copy *copy)
{
    struct arena *arena = &imap->session->command_arena;
    struct across *across = ARENA_NEW(arena, struct across);
    size_t room = uidset_count(set) < LIMIT_COPY_ACROSS ? uidset_count(set) : LIMIT_COPY_ACROSS;
    across->imap = imap;
    across->set = set;
    across->target = target;
    across->copy = copy;
    across->next_uid = 1;
    across->messages = ARENA_ARRAY(arena, room + 1, struct across_message);
    return across;
}

void across_free(struct across *across)
{
    for (size_t i = 0; across && i < across->count; i++)
        staged_unref(&across->messages[i].staged);
}

static struct across *across_of(struct mutation *mutation)
{
    struct across **first = imap_of_mutation(mutation)->state;
    return *first;
}

/* ---- one message ---- */

/* RFC 5257 4.6: those that come along, and have values. */
static enum store_error read_annotations(const struct across *a, const struct reader *reader, struct across_message *m)
{
    const struct copy *copy = a->copy;
    if (!a->annotated)
        return STORE_OK;
    enum store_error error = annotations_read(reader, &a->imap->session->command_arena, a->imap->selected.mailbox,
                                              m->row.uid, copy->annotated_by, &m->annotations);
    size_t kept = 0;
    for (size_t i = 0; !error && i < m->annotations.count; i++) {
        const struct annotation *row = &m->annotations.rows[i];
        bool dropped = row->owner == ANNOTATION_SHARED ? copy->drops_shared : copy->drops_private;
        if (!row->removed && !dropped)
            m->annotations.rows[kept++] = *row;
    }
    m->annotations.count = error ? 0 : kept;
    return error;
}

static enum store_error look_for_annotations(struct across *a, const struct reader *reader)
{
    struct annotation_total total;
    enum store_error error = annotation_total(reader, &total);
    a->annotated = total.rows > 0;
    a->looked = !error;
    return error;
}

/* STORE_NOT_FOUND: there are no more. */
static enum store_error begin_message(struct across *a, const struct reader *reader)
{
    const struct session *s = a->imap->session;
    struct across_message *m = &a->messages[a->count];
    uint32_t next = a->next_uid;
    bool expunged = true;
    while (expunged) {
        uint32_t uid = next ? uidset_next(a->set, next) : 0;
        if (!uid)
            return STORE_NOT_FOUND;
        enum store_error error = message_row(reader, a->imap->selected.mailbox, uid, &m->row, &expunged);
        if (error && error != STORE_EXPUNGED)
            return error;
        expunged = expunged || error;
        next = uid + 1;
    }
    if (a->count == LIMIT_COPY_ACROSS)
        return STORE_LIMIT;
    enum store_error error = read_annotations(a, reader, m);
    if (error)
        return error;
    a->next_uid = next;
    m->across = a;
    m->staged = staged_new(&(struct stager){.store = s->env->store, .spool_folder = s->env->spool_folder});
    a->at = 0;
    a->count++;
    return STORE_OK;
}

/* One stretch of its octets. STORE_NOT_FOUND: all is read. */
static enum store_error read_stretch(struct across *a, const struct reader *reader)
{
    struct across_message *m = &a->messages[a->count - 1];
    struct buffer record = {0}, octets = {0};
    struct email email;
    enum store_error error = email_read(reader, m->row.email, &record, &email);
    uint64_t left = error ? 0 : email.digest.size_octets - a->at;
    if (!error && left)
        error = email_octets(reader, &email, a->at, left < STRETCH ? left : STRETCH, &octets);
    if (!error && left)
        error = staged_append_exact(m->staged, buffer_view(&octets));
    a->at += error ? 0 : buffer_size(&octets);
    buffer_free(&record);
    buffer_free(&octets);
    return error || left ? error : STORE_NOT_FOUND;
}

static void parse_done(struct staged_request *request)
{
    struct across_message *m =
        (struct across_message *)(void *)((char *)request - offsetof(struct across_message, request));
    struct session *session = m->across->imap->session;
    m->parsed = true;
    session_reply(session);
    session_release(session);
}

static enum step_result parse(struct across *a, struct step_context *context, enum store_error *error_r)
{
    struct session *s = a->imap->session;
    struct across_message *m = &a->messages[a->count - 1];
    *error_r = m->parsed ? m->request.result : STORE_OK;
    if (m->parsed) {
        a->phase = ACROSS_READ;
        return STEP_DONE;
    }
    if (!m->request.staged) {
        m->request = (struct staged_request){.staged = m->staged,
                                             .parser = s->parser,
                                             .loop = s->loop,
                                             .accounts = &a->target->account,
                                             .account_count = 1,
                                             .utc_s = m->row.internal_utc_s,
                                             .done = parse_done};
        session_hold(s);
        staged_finish(&m->request);
    }
    context->wait = WAIT_REPLY;
    return STEP_WAIT;
}

/* The octets of a message, or the next message, or the end of them. */
static enum step_result read_on(struct across *a, struct step_context *context, enum store_error *error_r)
{
    struct reader reader = selected_reader(a->imap, context);
    bool fresh = !a->count || a->messages[a->count - 1].parsed;
    enum store_error error = a->looked ? STORE_OK : look_for_annotations(a, &reader);
    if (!error && a->count)
        error = imap_names_for(a->imap, &reader, &a->messages[a->count - 1].row.keywords, &a->names, &a->name_count);
    if (!error && fresh)
        error = begin_message(a, &reader);
    else if (!error)
        error = read_stretch(a, &reader);
    *error_r = STORE_OK;
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (error == STORE_NOT_FOUND)
        a->phase = fresh ? ACROSS_ADD : ACROSS_PARSE;
    else
        *error_r = error;
    return STEP_DONE;
}

/* ---- all of them ---- */

static size_t name_keywords(const struct across *a, const struct keywords *keywords, struct view *names)
{
    size_t count = 0;
    for (size_t i = 0; i < a->name_count && i < KEYWORD_MAX; i++)
        if (keywords->bits[i / 64] >> (i % 64) & 1)
            names[count++] = a->names[i];
    return count;
}

static enum store_error add_one(struct txn *txn, struct across *a, struct across_message *m)
{
    struct view keywords[KEYWORD_MAX];
    struct added added;
    struct new_message message = {.blob = staged_blob(m->staged),
                                  .digest = staged_digest(m->staged),
                                  .flags = m->row.flags & rights_flags(a->target->rights),
                                  .seen_by = imap_seen_by(a->imap, a->target->account),
                                  .keywords = keywords,
                                  .internal_utc_s = m->row.internal_utc_s,
                                  .internal_zone_minutes = m->row.internal_zone_minutes,
                                  .annotations = m->annotations.rows,
                                  .annotation_count = m->annotations.count};
    if (a->target->rights & RIGHT_WRITE)
        message.keyword_count = name_keywords(a, &m->row.keywords, keywords);
    enum store_error error = message_add(txn, a->target->mailbox.id, &message, &added);
    m->uid = added.uid;
    a->copy->to_uidvalidity = added.uidvalidity;
    return error;
}

static enum store_error run_add(struct txn *txn, struct mutation *mutation)
{
    struct across *a = across_of(mutation);
    enum store_error error = STORE_OK;
    for (size_t i = 0; !error && i < a->count; i++)
        error = add_one(txn, a, &a->messages[i]);
    return error;
}

static enum store_error run_remove(struct txn *txn, struct mutation *mutation)
{
    struct across *a = across_of(mutation);
    return message_expunge(txn, a->imap->selected.mailbox, a->copy->from_uids, &a->expunge);
}

static enum step_result add(struct across *a, struct step_context *context, enum store_error *error_r)
{
    struct imap *imap = a->imap;
    imap->mutation.account = a->target->account;
    imap->mutation.run = run_add;
    enum step_result result = imap_mutate(imap, context);
    if (result != STEP_DONE)
        return result;
    *error_r = imap->mutation.result;
    for (size_t i = 0; !*error_r && i < a->count; i++) {
        uidset_add(a->copy->from_uids, a->messages[i].row.uid);
        buffer_append(a->copy->to_uids, &a->messages[i].uid, sizeof a->messages[i].uid);
    }
    a->expunge.why = a->copy->why;
    a->phase = ACROSS_REMOVE;
    imap_mutate_reset(imap);
    return STEP_DONE;
}

enum step_result across_step(struct across *a, struct step_context *context, enum store_error *error_r)
{
    enum step_result result;
    *error_r = STORE_OK;
    for (;;) {
        if (a->phase == ACROSS_REMOVE || (a->phase == ACROSS_ADD && !a->count))
            break;
        result = a->phase == ACROSS_READ    ? read_on(a, context, error_r)
                 : a->phase == ACROSS_PARSE ? parse(a, context, error_r)
                                            : add(a, context, error_r);
        if (result != STEP_DONE || *error_r)
            return result;
        if (imap_slice_over(a->imap, context, &result))
            return result;
    }
    if (!a->copy->move || !uidset_count(a->copy->from_uids))
        return STEP_DONE;
    result = imap_mutate_selected(a->imap, context, run_remove);
    *error_r = result == STEP_DONE ? a->imap->mutation.result : STORE_OK;
    return result;
}

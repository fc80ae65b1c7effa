/*
 * imap/append.c: APPEND of one message or many (RFC 3501 6.3.11, RFC 3502), from literals and URLs (RFC 4469), and
 * REPLACE (RFC 8508): messages staged as they come, parsed, added all in one mutation or none. A REPLACE from one
 * account to another is two: a crash between them leaves both messages, and never none.
 *
 * Does     answers what can't be before a message is sent, if the client waits; else takes in and throws away what it
 *          sends, so that its octets are never read as commands.
 * Owns     the staged messages.
 * Waits    for input, for the pool (octets of URLs), for parse, for the writer.
 * Limits   LIMIT_MESSAGE_OCTETS (one message, and all of a command together), LIMIT_APPEND_MESSAGES,
 *          LIMIT_IMAP_COMMAND.
 * Tested   tests/e2e/test_imap.py, test_cap_multiappend.py, test_cap_catenate.py, test_cap_replace.py
 */
#include "imap/append.h"
#include "base/clock.h"
#include "imap/messagelimit.h"

enum { TEXT_MOST = LIMIT_IMAP_COMMAND + LIMIT_IMAP_LITERAL };

/* ---- arguments: what stands before the first message ---- */

static struct append *begin_command(struct imap *imap, struct arguments *a)
{
    struct append *append = ARENA_NEW(a->arena, struct append);
    imap->state = append;
    append->person = imap->session->account;
    append->limit = messagelimit_of_saving();
    buffer_init(&append->text, TEXT_MOST + 1024);
    return append;
}

/* The mailbox; what follows goes to the first stretch of text. Never false: what the client sends must be passed. */
static bool take_mailbox(struct arguments *a, struct append *append)
{
    if (!append->problem && (!arguments_space(a) || !arguments_mailbox(a, &append->name, &append->valid)))
        append->problem = a->problem;
    buffer_append_view(&append->text, view_of(a->at, (size_t)(a->end - a->at)));
    append->text_octets = buffer_size(&append->text);
    return true;
}

bool append_parse(struct imap *imap, struct arguments *a)
{
    return take_mailbox(a, begin_command(imap, a));
}

bool replace_parse(struct imap *imap, struct arguments *a)
{
    struct append *append = begin_command(imap, a);
    uint64_t number;
    append->replaces = true;
    if (!imap->selected.open)
        append->problem = "No mailbox is selected";
    else if (!imap->uid && !arguments_allow_numbers(a, imap))
        append->problem = a->problem;
    else if (!arguments_space(a) || !arguments_number(a, UINT32_MAX, &number) || !number)
        append->problem = "The number of a message is expected";
    else if (imap->uid)
        append->replaced_uid = uidset_has(imap->selected.uids, (uint32_t)number) ? (uint32_t)number : 0;
    else
        append->replaced_uid = uidset_select(imap->selected.uids, (uint32_t)number);
    append->code = a->code;
    return take_mailbox(a, append);
}

void append_drop(struct imap *imap)
{
    struct append *append = imap->state;
    if (!append)
        return;
    for (size_t i = 0; i < append->message_count; i++)
        staged_unref(&append->messages[i]->staged);
    buffer_free(&append->text);
    url_reading_free(&append->url);
    uidset_unref(&append->replaced);
    uidset_unref(&append->gone);
}

/* ---- answers ---- */

/* RFC 4469 4.1: the code holds the URL, which may hold neither "]" nor a line end. */
static void finish_bad_url(struct imap *imap, struct view url)
{
    struct buffer shown = {0};
    for (size_t i = 0; i < url.size && i < 1024; i++)
        buffer_append_char(&shown, (unsigned char)url.data[i] < 0x20 || url.data[i] == ']' ? '?' : url.data[i]);
    imap_finish_printf(imap, "NO", "[BADURL %.*s] There is nothing at that URL", VIEW_PRINTF(buffer_view(&shown)));
    buffer_free(&shown);
}

static enum step_result finish(struct imap *imap, const struct append *append)
{
    if (append->problem)
        imap_finish(imap, "BAD", append->code, append->problem);
    else if (append->too_big)
        imap_finish(imap, "NO", "TOOBIG", "The message is too big");
    else if (append->too_many)
        messagelimit_refuse(imap, append->limit, 0);
    else if (append->annotation_too_big)
        annotation_finish_too_big(imap);
    else if (append->empty)
        imap_finish(imap, "NO", NULL, "A message can't be empty");
    else if (append->try_create)
        imap_finish(imap, "NO", "TRYCREATE", "There is no such mailbox");
    else if (append->bad_url.size)
        finish_bad_url(imap, append->bad_url);
    else if (append->annotated)
        annotation_finish_error(imap, append->error);
    else
        imap_finish_error(imap, append->error);
    return STEP_DONE;
}

static bool has_failed(const struct append *append)
{
    return append->problem || append->too_big || append->too_many || append->empty || append->try_create ||
           append->bad_url.size || append->error || append->annotation_too_big;
}

static enum step_result wait_input(struct imap *imap, struct step_context *context)
{
    if (session_at_eof(imap->session)) {
        imap_finish(imap, "NO", NULL, "Disconnected");
        imap_end_after(imap, false, "disconnected in APPEND");
        return STEP_DONE;
    }
    context->wait = WAIT_INPUT;
    return STEP_WAIT;
}

/* ---- the beginning ---- */

/* Octets that the quota leaves. The writer has the last word; this one comes before the message is sent. */
static enum store_error read_room(struct imap *imap, struct append *append, struct step_context *context)
{
    struct reader reader = place_reader(imap, context, &append->place);
    struct account account;
    enum store_error error = account_read(&reader, &account);
    append->room = UINT64_MAX;
    if (!error && account.quota_octets && (!append->replaces || append->elsewhere)) /* what is replaced makes room */
        append->room = account.quota_octets > account.octets ? account.quota_octets - account.octets : 0;
    return error;
}

/* What can be said before a message was sent stands in `append` then. */
static enum step_result begin(struct imap *imap, struct append *append, struct step_context *context)
{
    enum store_error error = STORE_OK;
    if (!append->problem) {
        enum step_result result =
            place_find_mailbox(imap, context, append->name, append->valid, RIGHT_INSERT, &append->place, &error);
        if (result != STEP_DONE)
            return result;
        append->elsewhere = append->place.account != imap->selected.account;
        if (!error)
            error = read_room(imap, append, context);
        if (error == STORE_WOULD_BLOCK)
            return imap_wait_pool(context);
    }
    append->try_create = error == STORE_NO_MAILBOX && append->valid;
    append->error = error && !append->valid ? STORE_BAD_NAME : error;
    const struct selected *s = &imap->selected;
    if (!append->error && append->replaces && s->read_only)
        append->error = STORE_FORBIDDEN;
    else if (!append->error && append->replaces && s->open) /* RFC 8508 3.5: as EXPUNGE */
        append->error = rights_judge(s->rights | RIGHT_LOOKUP, RIGHT_DELETE | RIGHT_EXPUNGE);
    if (!append->error && append->replaces && !append->problem && !append->replaced_uid)
        append->error = STORE_NOT_FOUND;
    append->phase = APPEND_TEXT;
    return STEP_DONE;
}

/* ---- text ---- */

static void ask_for_literal(struct imap *imap, const struct append *append)
{
    if (append->waits)
        stream_write_string(imap->session->stream, "+ OK\r\n");
}

/* A literal of a failed command, or of one that a URL is in. Its octets go the way of the phase. */
static enum step_result begin_literal(struct imap *imap, struct append *append, enum append_phase phase)
{
    if (has_failed(append) && append->waits)
        return finish(imap, append);
    append->phase = phase;
    ask_for_literal(imap, append);
    return STEP_DONE;
}

static enum step_result read_text(struct imap *imap, struct append *append, struct step_context *context)
{
    struct view whole = buffer_view(&append->text), text = whole;
    bool literal = append_literal_at_end(whole, &text, &append->left, &append->waits, &append->literal8);
    append->action_count = append->action_at = 0;
    if (literal && !has_failed(append) && !imap_literal_allowed(append->left, append->waits)) {
        append->problem = "A literal of that size is to be asked for";
        append->code = "TOOBIG";
    }
    if (!has_failed(append) && literal && append_text_goes_on(text)) {
        if (append->left > LIMIT_IMAP_LITERAL || append->text_octets + append->left > TEXT_MOST ||
            append->literals++ == LIMIT_IMAP_LITERALS)
            append->problem = "The command is too long";
        else
            buffer_append_string(&append->text, "\r\n");
        return begin_literal(imap, append, append->problem ? APPEND_LITERAL : APPEND_IN_TEXT);
    }
    if (!has_failed(append)) {
        struct arena *arena = &imap->session->command_arena;
        append_parse_text(append, arena, arena_view(arena, text), literal);
    }
    if (!has_failed(append)) {
        append->phase = APPEND_ACT;
        return STEP_DONE;
    }
    return literal ? begin_literal(imap, append, APPEND_LITERAL) : finish(imap, append);
}

static enum step_result take_line(struct imap *imap, struct append *append, struct step_context *context)
{
    struct view input = session_input(imap->session);
    size_t end = view_find(input, '\n', 0);
    struct view line = view_slice(input, 0, end);
    if (end == SIZE_MAX && input.size < LIMIT_IMAP_COMMAND / 2)
        return wait_input(imap, context);
    append->text_octets += line.size;
    if (append->text_octets > TEXT_MOST)
        append->problem = append->problem ? append->problem : "The command is too long";
    if (append->problem && buffer_size(&append->text) > LIMIT_IMAP_COMMAND) /* only its end matters now */
        buffer_clear(&append->text);
    buffer_append_view(&append->text, line);
    session_consume(imap->session, line.size + (end != SIZE_MAX));
    if (end == SIZE_MAX)
        return STEP_DONE;
    size_t size = buffer_size(&append->text);
    if (size && buffer_view(&append->text).data[size - 1] == '\r')
        buffer_truncate(&append->text, size - 1);
    append->phase = APPEND_TEXT;
    return STEP_DONE;
}

static void more_text(struct append *append, bool fresh)
{
    if (fresh)
        buffer_clear(&append->text);
    append->phase = APPEND_LINE;
}

static enum step_result take_url(struct imap *imap, struct append *append, struct step_context *context)
{
    struct view input = view_slice(session_input(imap->session), 0, (size_t)append->left);
    if (append->left && !input.size)
        return wait_input(imap, context);
    buffer_append_view(&append->text, input);
    append->text_octets += input.size;
    append->left -= input.size;
    session_consume(imap->session, input.size);
    if (!append->left)
        more_text(append, false);
    return STEP_DONE;
}

/* ---- octets of a message ---- */

static void stage(struct append *append, struct append_message *m, struct view octets, bool exact)
{
    enum store_error error = STORE_LIMIT;
    append->octets += octets.size;
    if (append->octets <= LIMIT_MESSAGE_OCTETS)
        error = exact ? staged_append_exact(m->staged, octets) : staged_append(m->staged, octets);
    append->too_big = append->too_big || error == STORE_LIMIT;
    append->error = append->error ? append->error : error;
}

static enum step_result take_literal(struct imap *imap, struct append *append, struct step_context *context)
{
    enum step_result result;
    while (append->left) {
        struct view input = view_slice(session_input(imap->session), 0, (size_t)append->left);
        if (!input.size)
            return wait_input(imap, context);
        if (!has_failed(append))
            stage(append, append->messages[append->message_count - 1], input, append->literal8);
        append->left -= input.size;
        session_consume(imap->session, input.size);
        if (append->left && imap_slice_over(imap, context, &result))
            return result;
    }
    if (append->action_at < append->action_count)
        append->phase = APPEND_ACT;
    else
        more_text(append, true);
    return STEP_DONE;
}

static bool names_nothing(enum store_error error)
{
    return error == STORE_NOT_FOUND || error == STORE_NO_MAILBOX || error == STORE_EXPUNGED || error == STORE_NO_RIGHT;
}

/* Its mailbox: the selected one, if it names none. */
static enum step_result open_url(struct imap *imap, struct append *append, const struct append_action *action,
                                 struct step_context *context)
{
    struct url_reading *reading = &append->url;
    const struct selected *s = &imap->selected;
    enum step_result result = STEP_DONE;
    enum store_error error = STORE_OK;
    url_reading_free(reading);
    *reading = (struct url_reading){0};
    if (!imap_url_parse(&imap->session->command_arena, action->url, &reading->url) || reading->url.absolute ||
        reading->url.access.size)
        error = STORE_NOT_FOUND;
    else if (reading->url.mailbox.size)
        result = place_find_mailbox(imap, context, reading->url.mailbox, true, RIGHT_READ, &append->url_place, &error);
    else
        append->url_place = (struct place){.account = s->account, .mailbox = {.id = s->open ? s->mailbox : 0}};
    if (result != STEP_DONE)
        return result;
    append->reading_url = !error;
    if (names_nothing(error))
        append->bad_url = action->url.size ? action->url : VIEW_LITERAL("\"\"");
    else if (error)
        append->error = error;
    return STEP_DONE;
}

/* One stretch of a URL's octets. */
static enum step_result read_url(struct imap *imap, struct append *append, const struct append_action *action,
                                 struct step_context *context)
{
    struct url_reading *reading = &append->url;
    struct buffer octets = {0};
    if (!append->reading_url) {
        enum step_result result = open_url(imap, append, action, context);
        if (result != STEP_DONE || !append->reading_url)
            return result;
    }
    struct reader reader = place_reader(imap, context, &append->url_place);
    enum store_error error = url_read(reading, &reader, append->url_place.mailbox.id, &octets);
    if (!error)
        stage(append, action->message, buffer_view(&octets), true);
    buffer_free(&octets);
    if (error == STORE_WOULD_BLOCK)
        return imap_wait_pool(context);
    if (names_nothing(error))
        append->bad_url = action->url;
    else if (error)
        append->error = error;
    append->reading_url = !has_failed(append) && reading->left;
    return STEP_DONE;
}

/* ---- a message's end ---- */

static void parse_done(struct staged_request *request)
{
    struct append_message *m =
        (struct append_message *)(void *)((char *)request - offsetof(struct append_message, request));
    struct session *session = m->imap->session;
    m->parsed = true;
    session_reply(session);
    session_release(session);
}

static enum step_result parse(struct imap *imap, struct append *append, struct append_message *m,
                              struct step_context *context)
{
    struct session *s = imap->session;
    struct digest digest;
    if (m->parsed) {
        append->error = m->request.result;
        if (!append->error && m->annotations.of_parts && digest_open(staged_digest(m->staged), &digest) &&
            !annotation_parts_are_there(&m->annotations, &digest))
            append->problem = annotation_no_part;
        return STEP_DONE;
    }
    if (!staged_octets(m->staged)) { /* RFC 3502: how a client takes the whole command back */
        append->empty = true;
        return STEP_DONE;
    }
    if (!m->request.staged) {
        m->account = append->place.account;
        m->imap = imap;
        m->request = (struct staged_request){.staged = m->staged,
                                             .parser = s->parser,
                                             .loop = s->loop,
                                             .accounts = &m->account,
                                             .account_count = 1,
                                             .utc_s = m->has_date ? m->utc_s : clock_wall_s(),
                                             .done = parse_done};
        session_hold(s);
        staged_finish(&m->request);
    }
    context->wait = WAIT_REPLY;
    return STEP_WAIT;
}

/* ---- actions ---- */

static enum step_result begin_octets(struct imap *imap, struct append *append)
{
    append->too_big = append->left > LIMIT_MESSAGE_OCTETS || append->octets + append->left > LIMIT_MESSAGE_OCTETS;
    append->empty = !append->left && !append->in_list;
    if (!append->too_big && append->octets + append->left > append->room)
        append->error = STORE_OVER_QUOTA;
    append->action_at++;
    return begin_literal(imap, append, APPEND_LITERAL);
}

/* A failure behind which text or a literal still comes: pass it over. */
static enum step_result pass_over(struct imap *imap, struct append *append)
{
    const struct append_action *last = &append->actions[append->action_count - 1];
    bool literal = false;
    for (size_t i = append->action_at; i < append->action_count; i++)
        literal = literal || append->actions[i].kind == APPEND_OCTETS;
    append->action_at = append->action_count;
    if (last->kind == APPEND_END)
        return finish(imap, append);
    if (literal)
        return begin_literal(imap, append, APPEND_LITERAL);
    more_text(append, true);
    return STEP_DONE;
}

static enum step_result act(struct imap *imap, struct append *append, struct step_context *context)
{
    const struct session *s = imap->session;
    const struct append_action *action = &append->actions[append->action_at];
    enum step_result result = STEP_DONE;
    if (has_failed(append))
        return pass_over(imap, append);
    switch (action->kind) {
    case APPEND_MESSAGE:
        action->message->staged =
            staged_new(&(struct stager){.store = s->env->store, .spool_folder = s->env->spool_folder});
        break;
    case APPEND_OCTETS:
        return begin_octets(imap, append);
    case APPEND_URL:
        result = read_url(imap, append, action, context);
        if (append->reading_url)
            return result;
        break;
    case APPEND_MESSAGE_END:
        result = parse(imap, append, action->message, context);
        break;
    case APPEND_END:
        append->phase = APPEND_ADD;
        return STEP_DONE;
    }
    if (result != STEP_DONE)
        return result;
    if (has_failed(append))
        return pass_over(imap, append);
    if (++append->action_at == append->action_count)
        more_text(append, true);
    return STEP_DONE;
}

/* ---- all of it ---- */

/* RFC 8508 3.4: first what goes, so that the quota sees the difference alone. */
static enum store_error run_replace(struct txn *txn, struct imap *imap, struct append *append)
{
    struct expunge expunge = {.gone = append->gone};
    enum store_error error;
    imap_removal(imap, &expunge.why);
    uidset_clear(append->gone);
    do
        error = message_expunge(txn, imap->selected.mailbox, append->replaced, &expunge);
    while (error == STORE_MORE);
    return error || uidset_count(append->gone) ? error : STORE_EXPUNGED;
}

static enum store_error run_add(struct txn *txn, struct mutation *mutation)
{
    struct imap *imap = imap_of_mutation(mutation);
    struct append *append = imap->state;
    bool replaces = append->replaces && !append->elsewhere;
    enum store_error error = replaces ? run_replace(txn, imap, append) : STORE_OK;
    for (size_t i = 0; !error && i < append->message_count; i++) {
        struct append_message *m = append->messages[i];
        uint32_t rights = append->place.rights; /* RFC 4314 4: flags that the user may not set aren't */
        const struct new_message message = {.blob = staged_blob(m->staged),
                                            .digest = staged_digest(m->staged),
                                            .flags = m->flags.flags & rights_flags(rights),
                                            .seen_by = imap_seen_by(imap, append->place.account),
                                            .keywords = m->flags.keywords,
                                            .keyword_count = rights & RIGHT_WRITE ? m->flags.keyword_count : 0,
                                            .internal_utc_s = m->has_date ? m->utc_s : clock_wall_s(),
                                            .internal_zone_minutes = m->zone_minutes,
                                            .annotations = m->annotations.rows,
                                            .annotation_count = m->annotations.count};
        error = message_add(txn, append->place.mailbox.id, &message, &m->added);
    }
    return error;
}

static enum store_error run_remove(struct txn *txn, struct mutation *mutation)
{
    struct imap *imap = imap_of_mutation(mutation);
    struct append *append = imap->state;
    enum store_error error = run_replace(txn, imap, append);
    return error == STORE_EXPUNGED ? STORE_OK : error; /* somebody else did it */
}

/* UIDs of one mutation follow each other (RFC 3502 6.3.11, RFC 4315 3). */
static void finish_added(struct imap *imap, const struct append *append)
{
    const struct added *first = &append->messages[0]->added,
                       *last = &append->messages[append->message_count - 1]->added;
    char uids[32];
    if (place_is_selected(imap, &append->place))
        imap_note_own(&imap->own_added, first->uid, last->uid);
    if (append->replaces && !imap->own_gone)
        imap->own_gone = uidset_ref(append->gone);
    if (first->uid == last->uid)
        snprintf(uids, sizeof uids, "%u", first->uid);
    else
        snprintf(uids, sizeof uids, "%u:%u", first->uid, last->uid);
    if (append->replaces) { /* RFC 8508 3.2: before the EXPUNGE response */
        imap_untagged(imap, "OK [APPENDUID %u %s] Replacement is there", first->uidvalidity, uids);
        imap_finish(imap, "OK", NULL, "Replaced");
    } else {
        imap_finish_printf(imap, "OK", "[APPENDUID %u %s] Appended", first->uidvalidity, uids);
    }
}

/* Is what shall be replaced in another account still there? Within one account the mutation asks. */
static enum store_error look_for_replaced(struct imap *imap, const struct append *append, struct step_context *context)
{
    struct reader reader = selected_reader(imap, context);
    struct message_row row;
    bool expunged;
    enum store_error error = message_row(&reader, imap->selected.mailbox, append->replaced_uid, &row, &expunged);
    return !error && expunged ? STORE_EXPUNGED : error;
}

/* The new message is there: what goes wrong now leaves both, and the client knows of both. */
static enum step_result remove_replaced(struct imap *imap, struct append *append, struct step_context *context)
{
    enum step_result result = imap_mutate_selected(imap, context, run_remove);
    if (result != STEP_DONE)
        return result;
    finish_added(imap, append);
    if (imap->mutation.result)
        imap_finish_error(imap, imap->mutation.result);
    return STEP_DONE;
}

static enum step_result add(struct imap *imap, struct append *append, struct step_context *context)
{
    if (append->replaces && append->elsewhere && !append->replaced) {
        append->error = look_for_replaced(imap, append, context);
        if (append->error == STORE_WOULD_BLOCK) {
            append->error = STORE_OK;
            return imap_wait_pool(context);
        }
        if (append->error)
            return finish(imap, append);
    }
    if (append->replaces && !append->replaced) {
        append->replaced = uidset_new();
        append->gone = uidset_new();
        uidset_add(append->replaced, append->replaced_uid);
    }
    imap->mutation.account = append->place.account;
    imap->mutation.run = run_add;
    enum step_result result = imap_mutate(imap, context);
    if (result != STEP_DONE)
        return result;
    append->error = imap->mutation.result;
    if (append->error)
        return finish(imap, append);
    if (append->replaces && append->elsewhere) {
        imap_mutate_reset(imap);
        append->phase = APPEND_REMOVE;
        return STEP_DONE;
    }
    finish_added(imap, append);
    return STEP_DONE;
}

enum step_result append_step(struct imap *imap, struct step_context *context)
{
    static enum step_result (*const phases[])(struct imap * imap, struct append * append,
                                              struct step_context * context) = {
        [APPEND_BEGIN] = begin,    [APPEND_TEXT] = read_text,   [APPEND_ACT] = act, [APPEND_LITERAL] = take_literal,
        [APPEND_LINE] = take_line, [APPEND_IN_TEXT] = take_url, [APPEND_ADD] = add, [APPEND_REMOVE] = remove_replaced};
    struct append *append = imap->state;
    enum step_result result;
    while (!imap->finished) {
        result = phases[append->phase](imap, append, context);
        if (result != STEP_DONE)
            return result;
        if (!imap->finished && imap_slice_over(imap, context, &result))
            return result;
    }
    return STEP_DONE;
}

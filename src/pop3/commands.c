/*
 * pop3/commands.c: the table of commands, and their arguments.
 *
 * Tested   tests/unit/pop3_commands.c
 */
#include "ipc/pop3_words.h"
#include "language/language.h"
#include "pop3/private.h"

/* RFC 2449 5: what is offered after login. What needs a login no longer is left out (STLS, SASL). */
static enum step_result capa_step(struct pop3 *pop3, struct step_context *context)
{
    pop3_say(pop3, POP3_CAPABILITIES);
    pop3_printf(pop3, "USER\r\nLOGIN-DELAY %u\r\n", pop3_login_delay_s());
    pop3_say(pop3, POP3_CAPABILITIES_END);
    return STEP_DONE;
}

static enum step_result lang_step(struct pop3 *pop3, struct step_context *context)
{
    struct session *session = pop3->session;
    language_answer_lang(stream_output(session->stream), view_trim(pop3->arguments), &session->language);
    return STEP_DONE;
}

/* RFC 6856 2.1: valid in the AUTHORIZATION state alone. */
static enum step_result utf8_step(struct pop3 *pop3, struct step_context *context)
{
    pop3_say(pop3, "-ERR UTF8 comes before the login\r\n");
    return STEP_DONE;
}

static enum step_result noop_step(struct pop3 *pop3, struct step_context *context)
{
    pop3_say(pop3, "+OK\r\n");
    return STEP_DONE;
}

const struct pop3_command pop3_commands[] = {
    {"STAT", POP3_NONE, pop3_stat_step, "RFC 1939 5"},    {"LIST", POP3_MAYBE, pop3_list_step, "RFC 1939 5"},
    {"RETR", POP3_MESSAGE, pop3_retr_step, "RFC 1939 5"}, {"DELE", POP3_MESSAGE, pop3_dele_step, "RFC 1939 5"},
    {"NOOP", POP3_NONE, noop_step, "RFC 1939 5"},         {"RSET", POP3_NONE, pop3_rset_step, "RFC 1939 5"},
    {"QUIT", POP3_NONE, pop3_quit_step, "RFC 1939 6"},    {"TOP", POP3_MESSAGE_LINES, pop3_top_step, "RFC 1939 7"},
    {"UIDL", POP3_MAYBE, pop3_uidl_step, "RFC 1939 7"},   {"CAPA", POP3_NONE, capa_step, "RFC 2449 5"},
    {"LANG", POP3_TEXT, lang_step, "RFC 6856 3"},         {"UTF8", POP3_NONE, utf8_step, "RFC 6856 2.1"},
};
const size_t pop3_command_count = sizeof(pop3_commands) / sizeof(pop3_commands[0]);

const struct pop3_command *pop3_command_find(struct view name)
{
    for (size_t i = 0; i < pop3_command_count; i++)
        if (view_equal_string_nocase(name, pop3_commands[i].name))
            return &pop3_commands[i];
    return NULL;
}

static struct view take_word(struct view *rest)
{
    size_t end = view_find(*rest, ' ', 0);
    struct view word = view_slice(*rest, 0, end);
    *rest = end == SIZE_MAX ? VIEW_EMPTY : view_skip(*rest, end + 1);
    return word;
}

/* Digits alone, no sign, no leading zero: any odd form is an error, never a guess. */
static bool read_number(struct view word, uint64_t max, size_t *value_r)
{
    uint64_t value;
    if ((word.size > 1 && word.data[0] == '0') || !view_parse_u64(word, max, &value))
        return false;
    *value_r = (size_t)value;
    return true;
}

static bool read_message(struct pop3 *pop3, struct view word)
{
    size_t number;
    if (!read_number(word, UINT32_MAX, &number) || number == 0 || number > pop3->count)
        pop3->problem = "No such message";
    else if (pop3->messages[number - 1].deleted)
        pop3->problem = "Message is deleted";
    else
        pop3->index = number - 1;
    return pop3->problem == NULL;
}

bool pop3_arguments_read(struct pop3 *pop3)
{
    struct view rest = view_trim(pop3->arguments); /* a space at the end harms nobody */
    pop3->index = SIZE_MAX;
    pop3->problem = NULL;
    switch (pop3->command->arguments) {
    case POP3_NONE:
        break;
    case POP3_TEXT:
        return true;
    case POP3_MAYBE:
        if (rest.size > 0 && !read_message(pop3, take_word(&rest)))
            return false;
        break;
    case POP3_MESSAGE:
        if (!read_message(pop3, take_word(&rest)))
            return false;
        break;
    case POP3_MESSAGE_LINES:
        if (!read_message(pop3, take_word(&rest)))
            return false;
        if (!read_number(take_word(&rest), INT32_MAX, &pop3->second))
            pop3->problem = "Not a number of lines";
        break;
    }
    if (!pop3->problem && rest.size > 0)
        pop3->problem = "Too many arguments";
    return pop3->problem == NULL;
}

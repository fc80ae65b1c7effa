/* imap/messagelimit.c: see imap/messagelimit.h. */
#include "imap/messagelimit.h"

static atomic_uint of_command, of_saving;

void imap_set_message_limits(uint32_t command, uint32_t saving)
{
    atomic_store(&of_command, command);
    atomic_store(&of_saving, saving);
}

uint32_t messagelimit_of_command(void)
{
    return atomic_load(&of_command);
}

uint32_t messagelimit_of_saving(void)
{
    uint32_t limit = messagelimit_of_command();
    return limit ? limit : atomic_load(&of_saving);
}

/* RFC 9738 3: the one instead of the other. */
void messagelimit_write_capability(struct buffer *out)
{
    uint32_t limit = messagelimit_of_command(), saving = messagelimit_of_saving();
    if (saving)
        buffer_printf(out, " %s=%u", limit ? "MESSAGELIMIT" : "SAVELIMIT", saving);
}

uint32_t messagelimit_clip(struct uidset **set, uint32_t limit)
{
    uint32_t count = uidset_count(*set);
    if (!limit || count <= limit)
        return 0;
    uint32_t lowest = uidset_select(*set, count - limit + 1);
    struct uidset *left = uidset_copy(*set);
    uidset_remove_range(left, 0, lowest - 1);
    uidset_unref(set);
    *set = left;
    return lowest;
}

void messagelimit_finish(struct imap *imap, uint32_t limit, uint32_t lowest)
{
    imap_finish_printf(imap, "OK", "[MESSAGELIMIT %u %u] Done for the last %u messages", limit, lowest, limit);
}

void messagelimit_tell(struct imap *imap, uint32_t limit, uint32_t lowest)
{
    imap_untagged(imap, "NO [MESSAGELIMIT %u %u] Only the last %u messages were looked at", limit, lowest, limit);
}

void messagelimit_refuse(struct imap *imap, uint32_t limit, uint32_t lowest)
{
    char uid[16] = "";
    if (lowest)
        snprintf(uid, sizeof uid, " %u", lowest);
    imap_finish_printf(imap, "NO", "[MESSAGELIMIT %u%s] Too many messages, try fewer at once", limit, uid);
}

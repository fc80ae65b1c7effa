/* fuzz/mbox.c: any file read as an mbox: it ends, and what is written from it reads back. */
#include "admin/mbox.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view file = view_of(data, size);
    struct mbox_message message;
    size_t at = 0;
    while (mbox_next(file, &at, &message)) {
        struct buffer octets = {0}, packed = {0};
        struct mbox_facts facts;
        mbox_unpack(&message, &octets, &facts);
        BUG_IF(at > size || facts.keyword_count > MBOX_KEYWORDS);
        mbox_pack(buffer_view(&octets), message.date_utc_s, &facts, &packed);
        size_t again = 0;
        BUG_IF(!mbox_next(buffer_view(&packed), &again, &message));
        BUG_IF(mbox_next(buffer_view(&packed), &again, &message));
        buffer_free(&octets);
        buffer_free(&packed);
    }
    return 0;
}

/* fuzz/downgrade.c: headers rewritten for clients without UTF8: ends, grows within bounds, changes nothing in ASCII. */
#include "base/memory.h"
#include "pop3/private.h"

static bool is_ascii(struct view v)
{
    for (size_t i = 0; i < v.size; i++)
        if ((unsigned char)v.data[i] >= 0x80)
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view header = view_of(data, size);
    struct buffer once = {0}, twice = {0};
    pop3_downgrade(header, &once);
    BUG_IF(buffer_size(&once) > 32 * size + 64);
    if (is_ascii(header))
        BUG_IF(!view_equal(buffer_view(&once), header));
    pop3_downgrade(header, &twice);
    BUG_IF(!view_equal(buffer_view(&once), buffer_view(&twice)));
    buffer_free(&once);
    buffer_free(&twice);
    return 0;
}

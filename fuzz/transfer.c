/* fuzz/transfer.c: transfer encodings and header lines; any split gives the same, and output is bounded by input. */
#include "digest/transfer.h"
#include "base/memory.h"

static void check_base64(struct view whole, size_t cut)
{
    struct buffer a = {0}, b = {0}, encoded = {0};
    struct transfer_state one = {0}, two = {0}, sizes = {0};
    base64_decode_more(&one, whole, &a);
    base64_decode_more(&two, view_slice(whole, 0, cut), &b);
    base64_decode_more(&two, view_skip(whole, cut), &b);
    BUG_IF(!view_equal(buffer_view(&a), buffer_view(&b)));
    BUG_IF(buffer_size(&a) > 3 * ((whole.size + 3) / 4));
    uint64_t size = base64_decoded_size(&sizes, view_slice(whole, 0, cut));
    BUG_IF(size + base64_decoded_size(&sizes, view_skip(whole, cut)) != buffer_size(&a));
    base64_encode(whole, &encoded);
    buffer_clear(&b);
    BUG_IF(!base64_decode_strict(buffer_view(&encoded), &b) || !view_equal(buffer_view(&b), whole));
    buffer_clear(&b);
    (void)base64_decode_strict(whole, &b);
    buffer_free(&a);
    buffer_free(&b);
    buffer_free(&encoded);
}

static void check_quoted_printable(struct view whole, size_t cut)
{
    struct buffer a = {0}, b = {0};
    struct transfer_state one = {0}, two = {0};
    quoted_printable_decode_more(&one, whole, true, &a);
    quoted_printable_decode_more(&two, view_slice(whole, 0, cut), false, &b);
    quoted_printable_decode_more(&two, view_skip(whole, cut), true, &b);
    BUG_IF(!view_equal(buffer_view(&a), buffer_view(&b)));
    BUG_IF(buffer_size(&a) > whole.size);
    buffer_free(&a);
    buffer_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct view whole = view_of(data + 1, size - 1), field, name, value;
    size_t cut = whole.size * data[0] / 255, at = 0;
    check_base64(whole, cut);
    check_quoted_printable(whole, cut);
    while (header_next(whole, &at, &field, &name, &value))
        BUG_IF(name.size + value.size > field.size || !field.size);
    BUG_IF(at > whole.size);
    return 0;
}

/* fuzz/mutf7.c: names as clients send them: what decodes is spelled so and in no other way. */
#include "store/mutf7.h"
#include "base/memory.h"
#include "digest/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view name = view_of(data, size);
    struct buffer utf8 = {0}, again = {0};
    if (mutf7_decode(name, &utf8)) {
        BUG_IF(!text_valid(buffer_view(&utf8)));
        mutf7_encode(buffer_view(&utf8), &again);
        BUG_IF(!view_equal(buffer_view(&again), name));
    }
    buffer_clear(&again);
    mutf7_encode(name, &again);
    BUG_IF(!text_is_ascii(buffer_view(&again)));
    buffer_free(&utf8);
    buffer_free(&again);
    return 0;
}

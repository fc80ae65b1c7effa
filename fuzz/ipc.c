/*
 * fuzz/ipc.c: every decoder of the permit table as a compromised peer would use it. First octet: the type.
 *
 * What is accepted encodes to the same octets again: nothing is left over, nothing has two spellings.
 */
#include "base/memory.h"
#include "ipc/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char body[IPC_BODY_MAX] __attribute__((aligned(16)));
    struct buffer again = {0};
    if (!size)
        return 0;
    enum ipc_type type = (enum ipc_type)(data[0] % (IPC_TYPE_COUNT + 2)); /* and two that are none */
    struct view payload = view_of(data + 1, size - 1);
    if (ipc_decode(type, payload, body)) {
        BUG_IF(!ipc_encode(type, body, &again));
        BUG_IF(!view_equal(buffer_view(&again), payload));
    }
    buffer_free(&again);
    return 0;
}

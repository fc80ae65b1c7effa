/* Octets as a client's SASL answers: first octet picks the mechanism, 0xff splits answers. */
#include "auth/sasl.h"
#include "auth/hash.h"
#include "auth/names.h"
#include "base/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const names[] = {"PLAIN", "LOGIN", "LOGIN-COMMAND", "APOP"};
    if (size == 0)
        return 0;
    struct sasl sasl;
    char name[NAME_SIZE];
    sasl_start(&sasl, view_of_string(names[data[0] % 4]));
    if (data[0] & 0x80)
        sasl_step(&sasl, NULL);
    struct view rest = view_of(data + 1, size - 1);
    for (int steps = 0; steps < 8; steps++) {
        size_t end = view_find(rest, (char)0xff, 0);
        struct view answer = end == SIZE_MAX ? rest : view_slice(rest, 0, end);
        enum sasl_result result = sasl_step(&sasl, &answer);
        BUG_IF(sasl.name_size >= sizeof(sasl.name) || sasl.password_size >= sizeof(sasl.password));
        if (result == SASL_CREDENTIALS) {
            BUG_IF(sasl.name_size == 0);
            if (name_canonical(view_of(sasl.name, sasl.name_size), name))
                address_split(view_of_string(name), '+');
        }
        if (result != SASL_MORE || end == SIZE_MAX)
            break;
        rest = view_skip(rest, end + 1);
    }
    sasl_wipe(&sasl);
    return 0;
}

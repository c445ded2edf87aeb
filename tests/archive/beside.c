/* Calls two Rust archives that were linked into one program. */
#include <string.h>

#include "ptqk.h"

uint32_t other_sum(uint32_t n);

int main(void)
{
    size_t bytes = 0;
    const ptqk_status status = ptqk_codes_row_bytes(NULL, PTQK_CODE_TYPE_I4, 7, &bytes);
    return !(status == PTQK_STATUS_OK && bytes == 4 && other_sum(10) == 55);
}

#include "common/interrupt.h"

#include <stdatomic.h>

static atomic_int requested;

void lc_interrupt_request(void)
{
    atomic_store(&requested, 1);
}

lc_status lc_interrupt_check(void)
{
    return atomic_load(&requested) ? lc_fail(LC_ERR_INTERRUPTED, "interrupted") : LC_OK;
}

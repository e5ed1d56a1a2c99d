/* modules.c: the table of probe kinds. A new kind is a file beside this one and a row here. */
#include "common.h"

const struct probe_module *const probe_modules[PROBE_KIND_COUNT] = {
        [PROBE_ARP] = &probe_arp,
        [PROBE_ECHO] = &probe_echo,
        [PROBE_TIMESTAMP] = &probe_timestamp,
        [PROBE_UDP] = &probe_udp,
};

/* arp.c: who has this address? (RFC 826) */
#include <string.h>

#include "common.h"

static void arp_make(const struct probe_settings *settings, const struct ask *ask, struct probe *probe)
{
	probe_begin(settings, ask, probe);
}

/* ARP has no field for identity: an answer that claims the address is all the proof there can be. An answer that claims a
 * group address as its own is none (RFC 1812 3.3.2). */
static enum match arp_matches(const struct probe_settings *settings, const struct ask *ask, const struct reply *reply)
{
	static const uint8_t none[MAC_BYTES];
	bool one_card = !(reply->mac[0] & 1) && memcmp(reply->mac, none, MAC_BYTES) != 0;

	(void)settings;
	if (reply->kind != REPLY_ARP || !reply->arp_is_reply || !one_card || !addr_equal(&reply->src, &ask->dst))
		return MATCH_NO;
	return MATCH_PROVED;
}

const struct probe_module probe_arp = {
        .kind = PROBE_ARP,
        .name = "ARP who-has",
        .make = arp_make,
        .matches = arp_matches,
};

/* timestamp.c: ICMP timestamp request (RFC 792). Identity: identifier, sequence, IP ID, and the originate time. */
#include "common.h"
#include "nscan/bytes.h"
#include "nscan/wire.h"

/* RFC 792: the high bit says that the time is not milliseconds since midnight UT. Ours is no time at all. */
#define NONSTANDARD_TIME 0x80000000u

static void timestamp_make(const struct probe_settings *settings, const struct ask *ask, struct probe *probe)
{
	uint64_t identity = probe_identity(settings, ask);

	probe_begin(settings, ask, probe);
	probe->icmp_id = (uint16_t)identity;
	probe->icmp_sequence = (uint16_t)(identity >> 16);
	probe->ip_id = ip_id_from(identity >> 32);
	probe->icmp_originate = NONSTANDARD_TIME | (uint32_t)identity_more(settings, identity);
}

static enum match timestamp_matches(const struct probe_settings *settings, const struct ask *ask,
                                    const struct reply *reply)
{
	struct cursor times = cursor_of(reply->data, reply->data_bytes);
	uint32_t originate = cursor_u32(&times);
	struct probe sent;

	timestamp_make(settings, ask, &sent);
	if (reply->kind == REPLY_TIMESTAMP && reply_is_from_asked(ask, reply) && reply->icmp_id == sent.icmp_id &&
	    reply->icmp_sequence == sent.icmp_sequence && times.ok && originate == sent.icmp_originate)
		return MATCH_PROVED;
	return error_is_about_query(ask, &sent, ICMP4_TIMESTAMP, reply) ? MATCH_PROVED : MATCH_NO;
}

const struct probe_module probe_timestamp = {
        .kind = PROBE_TIMESTAMP,
        .name = "ICMP timestamp",
        .make = timestamp_make,
        .matches = timestamp_matches,
};

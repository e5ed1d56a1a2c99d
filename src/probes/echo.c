/* echo.c: ICMP echo request (RFC 792). Identity: identifier, sequence, IP ID, and 8 bytes of data. */
#include <string.h>

#include "common.h"
#include "nscan/bytes.h"
#include "nscan/wire.h"

enum { ECHO_DATA_BYTES = 8 };

uint64_t echo_header_make(const struct probe_settings *settings, const struct ask *ask, struct probe *probe)
{
	uint64_t identity = probe_identity(settings, ask);

	probe_begin(settings, ask, probe);
	probe->icmp_id = (uint16_t)identity;
	probe->icmp_sequence = (uint16_t)(identity >> 16);
	probe->ip_id = ip_id_from(identity >> 32);
	return identity;
}

static void echo_make(const struct probe_settings *settings, const struct ask *ask, struct probe *probe)
{
	uint64_t more = identity_more(settings, echo_header_make(settings, ask, probe));

	put_u32(probe->echo_data, (uint32_t)(more >> 32));
	put_u32(probe->echo_data + 4, (uint32_t)more);
	probe->data_bytes = ECHO_DATA_BYTES;
	probe_pad(settings, ask, ICMP_HEADER_BYTES, probe);
}

/* The first 8 bytes carry identity. Of a padded echo the capture may have kept less than all, and some hosts cut their replies
 * short: how long one was is for the caller to judge. */
static bool data_matches(const struct ask *ask, const struct probe *sent, const struct reply *reply)
{
	bool length = ask->bytes ? reply->data_bytes >= sent->data_bytes : reply->data_bytes == sent->data_bytes;

	return length && memcmp(reply->data, sent->echo_data, ECHO_DATA_BYTES) == 0;
}

/* An error is only sure to quote the ICMP header; there the IP ID takes the place of the data. */
static enum match echo_matches(const struct probe_settings *settings, const struct ask *ask, const struct reply *reply)
{
	struct probe sent;

	echo_make(settings, ask, &sent);
	if (reply->kind == REPLY_ECHO && reply_is_from_asked(ask, reply) && reply->icmp_id == sent.icmp_id &&
	    reply->icmp_sequence == sent.icmp_sequence && data_matches(ask, &sent, reply))
		return MATCH_PROVED;
	return error_is_about_query(ask, &sent, ICMP4_ECHO, reply) ? MATCH_PROVED : MATCH_NO;
}

const struct probe_module probe_echo = {
        .kind = PROBE_ECHO,
        .name = "ICMP echo",
        .make = echo_make,
        .matches = echo_matches,
};

/* read_rpc.c: ONC RPC replies (RFC 5531): whether the program is there, which versions of it, and the portmapper's list (RFC 1833). */
#include <stdio.h>

#include "read.h"

enum { REPLY = 1, ACCEPTED = 0, DENIED = 1, MOST_AUTH_BYTES = 400 };
enum {
	SUCCESS = 0,
	PROGRAM_UNAVAILABLE = 1,
	VERSION_MISMATCH = 2,
	PROCEDURE_UNAVAILABLE = 3,
	GARBAGE = 4,
	SYSTEM_ERROR = 5
};
enum { MOST_VERSION = 65535, MAPPING_BYTES = 20, UDP = 17 };

static const struct named_number programs[] = {
        {100000, "portmapper"},  {100001, "rstatd"},   {100002, "rusersd"}, {100003, "nfs"},       {100004, "ypserv"},
        {100005, "mountd"},      {100007, "ypbind"},   {100008, "rwalld"},  {100009, "yppasswdd"}, {100011, "rquotad"},
        {100012, "sprayd"},      {100021, "nlockmgr"}, {100024, "status"},  {100026, "bootparam"}, {100068, "cmsd"},
        {100083, "ttdbserverd"}, {100227, "nfs_acl"},  {100232, "sadmind"}, {150001, "pcnfsd"},    {0, NULL},
};

/* PMAPPROC_DUMP: a list of (program, version, protocol, port). Each program once. */
static bool read_list(struct cursor c, struct service_reading *out)
{
	char text[240];
	size_t length = 0;
	uint32_t last = 0;

	if (cursor_left(&c) < MAPPING_BYTES + 4)
		return false;
	while (cursor_left(&c) >= MAPPING_BYTES && cursor_u32(&c) == 1) {
		uint32_t program = cursor_u32(&c), version = cursor_u32(&c), protocol = cursor_u32(&c),
		         port = cursor_u32(&c);
		const char *name = name_of(programs, program);
		char number[32];

		if (version > MOST_VERSION || port > 0xffff || protocol > 255)
			return false;
		if (program == last)
			continue;
		last = program;
		snprintf(number, sizeof(number), "%u", program);
		if (length + 32 < sizeof(text))
			length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%s/%u", length ? " " : "",
			                           name ? name : number, port);
	}
	if (length == 0)
		return false;
	detail(out, "programs", "%s", text);
	say(out, "%.100s", text);
	return true;
}

static bool read_accepted(struct cursor *c, struct service_reading *out)
{
	uint32_t auth_bytes, status, low, high;

	cursor_u32(c); /* verifier: flavour */
	auth_bytes = cursor_u32(c);
	if (auth_bytes > MOST_AUTH_BYTES || !cursor_take(c, auth_bytes))
		return false;
	status = cursor_u32(c);
	if (!c->ok)
		return false;
	switch (status) {
	case SUCCESS:
		if (!read_list(*c, out))
			say(out, "ONC RPC, program answers");
		return true;
	case PROGRAM_UNAVAILABLE:
		say(out, "ONC RPC, another program");
		return true;
	case VERSION_MISMATCH:
		low = cursor_u32(c);
		high = cursor_u32(c);
		if (!c->ok || low > high || high > MOST_VERSION)
			return false;
		detail(out, "versions", "%u-%u", low, high);
		say(out, "ONC RPC, program versions %u to %u", low, high);
		return true;
	case PROCEDURE_UNAVAILABLE:
	case GARBAGE:
	case SYSTEM_ERROR:
		say(out, "ONC RPC, refuses the call");
		return true;
	default:
		return false;
	}
}

static bool read_rpc(const uint8_t *data, size_t n, struct service_reading *out)
{
	struct cursor c = cursor_of(data, n);
	uint32_t type, state, reason;

	cursor_u32(&c); /* transaction */
	type = cursor_u32(&c);
	state = cursor_u32(&c);
	if (!c.ok || type != REPLY || n % 4 != 0)
		return false;
	if (state == ACCEPTED)
		return read_accepted(&c, out);
	reason = cursor_u32(&c);
	if (!c.ok || state != DENIED || reason > 1)
		return false;
	say(out, "ONC RPC, %s", reason == 1 ? "wants authentication" : "another RPC version");
	return true;
}

static const struct reader readers[] = {
        {.service = "sunrpc", .ports = {111}, .one_answer = true, .read = read_rpc},
        {.service = "nfs", .ports = {2049}, .only_there = true, .one_answer = true, .read = read_rpc},
        {.service = "wdbrpc", .ports = {17185}, .only_there = true, .one_answer = true, .read = read_rpc},
};

READER_FAMILY(readers_rpc, readers);

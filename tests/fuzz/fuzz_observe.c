/* fuzz_observe.c: any bytes as a capture file, read, decoded and observed: once told at the end, once followed. Both have to come to the
 * same, and what is told has to be whole. Its seeds are the captures of pcaps/. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nscan/capture_file.h"
#include "nscan/observe.h"

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n);

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* A sum over everything that was last told, in whatever order it was told. */
struct told {
	uint64_t sum;
	uint64_t hosts, done;
	uint64_t next_ordinal;
};

static uint64_t mix(uint64_t sum, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < n; i++)
		sum = (sum ^ at[i]) * 0x100000001b3;
	return sum;
}

static void check_event(const struct event *event, struct told *told)
{
	require(addr_is_set(&event->addr));
	switch (event->kind) {
	case EVENT_HOST:
		require(event->u.host.reason != NULL);
		told->hosts++;
		break;
	case EVENT_PORT:
		require(event->u.port.reason != NULL && event->u.port.state != PORT_UNKNOWN);
		require(event->u.port.probes > 0);
		require(!event->u.port.has_rtt || event->u.port.rtt_ns >= 0);
		break;
	case EVENT_LIMIT:
		require(event->u.limit.icmp_per_s > 0 && event->u.limit.burst > 0);
		break;
	case EVENT_NOTE:
		require(event->u.note.code != NULL &&
		        memchr(event->u.note.text, '\0', sizeof(event->u.note.text)) != NULL);
		break;
	case EVENT_HOST_DONE:
		require(event->ordinal == told->done); /* the order of the reports, without gaps */
		told->done++;
		break;
	default:
		break;
	}
}

/* What is known of each port at the end does not depend on when it was told. */
static void sum_final(const struct event *event, struct told *told)
{
	uint64_t one = 0xcbf29ce484222325;

	if (event->kind != EVENT_LIMIT && event->kind != EVENT_NOTE && event->kind != EVENT_MTU)
		return;
	one = mix(one, &event->addr, sizeof(event->addr));
	one = mix(one, &event->kind, sizeof(event->kind));
	if (event->kind == EVENT_NOTE)
		one = mix(one, event->u.note.text, strlen(event->u.note.text));
	told->sum += one;
}

static void drain(struct observer *o, struct told *told)
{
	struct event event;

	while (observer_next_event(o, &event)) {
		check_event(&event, told);
		sum_final(&event, told);
	}
}

static struct told observe(const uint8_t *bytes, size_t n, bool follow)
{
	struct observer_config config = {.follow = follow};
	struct err err;
	struct observer *o = observer_new(&config, NULL);
	struct capture_file *file = capture_file_open_bytes("fuzz", bytes, n, &err);
	struct observer_summary summary;
	struct captured_packet packet;
	struct told told = {0};
	struct reply reply;

	require(o != NULL);
	while (file && capture_file_next(file, &packet, &err) == CAPTURE_PACKET) {
		if (frame_link_known((unsigned)packet.link_type) &&
		    decode_frame((enum frame_link)packet.link_type, packet.bytes, packet.captured, &reply))
			observer_receive(o, &reply, packet.at_ns);
		drain(o, &told);
	}
	observer_finish(o);
	drain(o, &told);
	observer_summarise(o, &summary);
	require(told.hosts == told.done);
	require(summary.hosts_up + summary.hosts_down + summary.hosts_unknown == told.done);
	capture_file_close(file);
	observer_free(o);
	return told;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);
	struct told at_end, followed;

	if (!copy)
		return 0;
	if (n > 0)
		memcpy(copy, input, n);
	at_end = observe(copy, n, false);
	followed = observe(copy, n, true);
	require(at_end.done == followed.done);
	require(at_end.sum == followed.sum);
	free(copy);
	return 0;
}

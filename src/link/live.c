/* live.c: the live link behind its vtable: one sender and one capture for each interface. */
#include "nscan/live.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

#define DOWN_CHECK_NS INT64_C(50000000) /* how often an interface that is down is looked at */

enum { RECV_LIMIT = 1024, RING_BYTES = 16 << 20, RING_BYTES_MIN = 2 << 20 };

static int64_t live_now(struct link *link)
{
	(void)link;
	return clock_link_ns();
}

/* One batch of frames on its way to the caller. */
struct delivery {
	struct live *live;
	struct nic *nic;
	frame_handler *handler;
	void *context;
	int64_t offset_ns; /* to add to wall time */
	int64_t now_ns;    /* a recent reading of the link's clock */
};

static void deliver(struct delivery *d, int64_t wall_ns, const uint8_t *bytes, size_t captured, size_t wire_bytes)
{
	struct frame frame = {.at_ns = wall_ns + d->offset_ns,
	                      .interface = d->nic->number,
	                      .type = d->nic->interface->kind == LINK_ETHERNET ? FRAME_ETHERNET : FRAME_RAW_IP,
	                      .bytes = bytes,
	                      .captured = captured,
	                      .wire_bytes = wire_bytes};

	if (frame.at_ns > d->now_ns)
		d->now_ns = clock_link_ns();
	if (frame.at_ns > d->now_ns)
		frame.at_ns = d->now_ns;
	if (frame.at_ns < d->nic->empty_ns)
		frame.at_ns = d->nic->empty_ns;
	d->live->frames_received++;
	d->handler(d->context, &frame);
}

static void take_early(void *context, int64_t wall_ns, const uint8_t *bytes, size_t captured, size_t wire_bytes)
{
	struct delivery *d = context;

	d->nic->early_last_wall_ns = wall_ns;
	deliver(d, wall_ns, bytes, captured, wire_bytes);
}

static void take_captured(void *context, int64_t wall_ns, const uint8_t *bytes, size_t captured, size_t wire_bytes)
{
	struct delivery *d = context;

	/* Both saw the packet and read the same stamp, which the kernel gave it on arrival. */
	if (wall_ns <= d->nic->early_last_wall_ns)
		return;
	d->nic->early_last_wall_ns = 0;
	deliver(d, wall_ns, bytes, captured, wire_bytes);
}

/* Brings libpcap up on every interface, then takes over from the early sockets. */
static bool start_capture(struct live *live, struct delivery *d, struct err *err)
{
	int buffer_bytes = live->nic_count ? RING_BYTES / (int)live->nic_count : 0;

	for (size_t i = 0; i < live->nic_count; i++) {
		struct nic *nic = live->nics[i];

		nic->capture = capture_open(nic->interface, live->source_ports, live->options.source_port_count,
		                            buffer_bytes > RING_BYTES_MIN ? buffer_bytes : RING_BYTES_MIN, err);
		if (!nic->capture)
			return false;
		live->polls[i] = (struct pollfd){.fd = capture_fd(nic->capture), .events = POLLIN};
	}
	d->offset_ns = clock_wall_to_link_ns();
	for (size_t i = 0; i < live->nic_count; i++) {
		d->nic = live->nics[i];
		d->now_ns = clock_link_ns();
		early_finish(d->nic->early, take_early, d, &live->early_drops);
	}
	live->capturing = true;
	return true;
}

/* Waits for a frame, the time, or a signal. True when it was a signal. */
static bool wait_for_frames(struct live *live, int64_t until_ns)
{
	const sigset_t *mask = live->options.wait_mask ? &live->wait_mask : NULL;
	int64_t wait_ns = INT64_MAX;
	struct timespec timeout;

	if (until_ns != INT64_MAX) {
		int64_t now_ns = clock_link_ns();

		wait_ns = until_ns > now_ns ? until_ns - now_ns : 0;
	}
	for (size_t i = 0; i < live->nic_count; i++) {
		live->polls[i].revents = 0;
		if (wait_ns > DOWN_CHECK_NS && capture_is_down(live->nics[i]->capture))
			wait_ns = DOWN_CHECK_NS;
	}
	timeout = (struct timespec){.tv_sec = wait_ns / SECOND_NS, .tv_nsec = wait_ns % SECOND_NS};
	return ppoll(live->polls, live->nic_count, wait_ns == INT64_MAX ? NULL : &timeout, mask) < 0;
}

/* Hands over what one interface has. False with *err set when the interface is gone. */
static bool read_nic(struct live *live, struct delivery *d, struct err *err)
{
	struct nic *nic = d->nic;
	int limit = RECV_LIMIT / (int)live->nic_count;
	int64_t begin_ns = clock_link_ns();

	d->now_ns = begin_ns;
	switch (capture_read(nic->capture, limit > 0 ? limit : 1, take_captured, d)) {
	case CAPTURE_EMPTY:
		nic->empty_ns = begin_ns;
		nic->early_last_wall_ns = 0;
		break;
	case CAPTURE_MORE:
		break;
	case CAPTURE_GONE:
		return err_set(err, ERR_SYSTEM, "interface %s has disappeared: the scan cannot go on without it",
		               nic->interface->name);
	}
	return true;
}

static bool live_recv(struct link *link, int64_t until_ns, frame_handler *handler, void *context, struct err *err)
{
	struct live *live = (struct live *)link;
	struct delivery d = {.live = live, .handler = handler, .context = context};
	uint64_t before = live->frames_received;
	bool all;

	if (!live->capturing) {
		if (!start_capture(live, &d, err))
			return false;
		if (live->frames_received > before)
			return true;
	}
	all = wait_for_frames(live, until_ns);
	d.offset_ns = clock_wall_to_link_ns();
	for (size_t i = 0; i < live->nic_count; i++) {
		d.nic = live->nics[i];
		if ((all || live->polls[i].revents || capture_is_down(d.nic->capture)) && !read_nic(live, &d, err))
			return false;
	}
	return true;
}

static struct nic *find_nic(const struct live *live, int number)
{
	for (size_t i = 0; i < live->nic_count; i++)
		if (live->nics[i]->number == number)
			return live->nics[i];
	return NULL;
}

static void live_send(struct link *link, int interface, const uint8_t *bytes, size_t n, uint64_t cookie)
{
	struct live *live = (struct live *)link;
	struct nic *nic = find_nic(live, interface);
	int error = ENODEV;

	if (nic) {
		if (send_queue_is_full(&nic->queue))
			send_queue_flush(&nic->queue, live->options.send_failed, live->options.context);
		error = nic->sender->queue(&nic->queue, bytes, n, cookie);
	}
	if (error && live->options.send_failed)
		live->options.send_failed(live->options.context, cookie, error);
}

static void live_flush(struct link *link)
{
	struct live *live = (struct live *)link;

	for (size_t i = 0; i < live->nic_count; i++)
		send_queue_flush(&live->nics[i]->queue, live->options.send_failed, live->options.context);
}

static void live_counters(struct link *link, struct link_counters *out)
{
	struct live *live = (struct live *)link;

	*out = (struct link_counters){.frames_received = live->frames_received, .kernel_drops = live->early_drops};
	for (size_t i = 0; i < live->nic_count; i++)
		if (live->nics[i]->capture)
			out->kernel_drops += capture_drops(live->nics[i]->capture);
}

static void live_close(struct link *link)
{
	struct live *live = (struct live *)link;

	for (size_t i = 0; i < live->nic_count; i++) {
		struct nic *nic = live->nics[i];

		capture_close(nic->capture);
		if (nic->early >= 0)
			close(nic->early);
		if (nic->queue.socket >= 0)
			close(nic->queue.socket);
		free(nic);
	}
	free(live->nics);
	free(live->polls);
	free(live->source_ports);
	free(live);
}

const struct link_ops live_ops = {
        .now = live_now,
        .send = live_send,
        .flush = live_flush,
        .recv = live_recv,
        .counters = live_counters,
        .close = live_close,
};

/* live.c: the live link behind its vtable: one sender and one capture for each interface. */
#include "nscan/live.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "internal.h"

#define DOWN_CHECK_NS INT64_C(50000000) /* how often an interface that is down is looked at */

enum { RECV_LIMIT = 1024, FLUSHES_BEFORE_THREAD = 256 /* of 64 packets each */ };

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

/* Libpcap is up: what the early socket still holds is handed over, from then on the ring is read. */
static bool take_over(struct delivery *d, struct pollfd *polls, struct err *err)
{
	struct nic *nic = d->nic;

	nic->capture = bring_up_finish(nic->bring_up, err);
	nic->bring_up = NULL;
	polls[0].fd = -1;
	polls[1].fd = -1;
	if (!nic->capture)
		return false;
	polls[0].fd = capture_fd(nic->capture);
	early_stop(nic->early, &d->live->early_drops);
	early_read(nic->early, INT_MAX, take_early, d);
	return true;
}

static bool is_down(const struct nic *nic)
{
	return nic->capture && capture_is_down(nic->capture);
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
	for (size_t i = 0; i < live->nic_count; i++)
		if (wait_ns > DOWN_CHECK_NS && is_down(live->nics[i]))
			wait_ns = DOWN_CHECK_NS;
	for (size_t i = 0; i < 2 * live->nic_count; i++)
		live->polls[i].revents = 0;
	timeout = (struct timespec){.tv_sec = wait_ns / SECOND_NS, .tv_nsec = wait_ns % SECOND_NS};
	return ppoll(live->polls, 2 * live->nic_count + (live->options.wake_fd > 0),
	             wait_ns == INT64_MAX ? NULL : &timeout, mask) < 0;
}

/* Hands over what one interface has. False with *err set when the interface is gone. */
static bool read_nic(struct delivery *d, struct err *err)
{
	struct nic *nic = d->nic;
	int limit = RECV_LIMIT / (int)d->live->nic_count + 1;
	int64_t begin_ns = clock_link_ns();
	enum capture_state state;

	d->now_ns = begin_ns;
	if (nic->capture)
		state = capture_read(nic->capture, limit, take_captured, d);
	else
		state = early_read(nic->early, limit, take_early, d);
	if (state == CAPTURE_GONE)
		return err_set(err, ERR_SYSTEM, "interface %s has disappeared: the scan cannot go on without it",
		               nic->interface->name);
	if (state == CAPTURE_EMPTY) {
		nic->empty_ns = begin_ns;
		/* Whatever both had, the ring had before. */
		if (nic->capture)
			nic->early_last_wall_ns = 0;
	}
	return true;
}

static bool live_recv(struct link *link, int64_t until_ns, frame_handler *handler, void *context, struct err *err)
{
	struct live *live = (struct live *)link;
	struct delivery d = {.live = live, .handler = handler, .context = context};
	bool all = wait_for_frames(live, until_ns);

	d.offset_ns = clock_wall_to_link_ns();
	d.now_ns = clock_link_ns();
	for (size_t i = 0; i < live->nic_count; i++) {
		struct pollfd *polls = &live->polls[2 * i];

		d.nic = live->nics[i];
		if (polls[1].revents && !take_over(&d, polls, err))
			return false;
		if ((all || polls[0].revents || polls[1].revents || is_down(d.nic)) && !read_nic(&d, err))
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

/* Sends what is queued, or has it sent. */
static void flush_nic(struct live *live, struct nic *nic)
{
	if (nic->thread)
		send_thread_submit(nic->thread, live->options.send_failed, live->options.context);
	else
		send_queue_flush(&nic->queue, live->options.send_failed, live->options.context);
}

/* The early socket catches nothing any more, but the kernel still shows it every packet. */
static void start_thread(const struct live *live, struct nic *nic)
{
	nic->thread = send_thread_start(nic->queue.socket, nic->early, live->options.may_overtake);
	if (nic->thread)
		nic->early = -1;
}

/* The queue that has room for one packet more. */
static struct send_queue *queue_with_room(struct live *live, struct nic *nic)
{
	if (!nic->thread) {
		if (!send_queue_is_full(&nic->queue))
			return &nic->queue;
		flush_nic(live, nic);
		if (++nic->flushes >= FLUSHES_BEFORE_THREAD && nic->capture)
			start_thread(live, nic);
	}
	if (!nic->thread)
		return &nic->queue;
	if (send_queue_is_full(send_thread_queue(nic->thread, live->options.send_failed, live->options.context)))
		send_thread_submit(nic->thread, live->options.send_failed, live->options.context);
	return send_thread_queue(nic->thread, live->options.send_failed, live->options.context);
}

static void live_send(struct link *link, int interface, const uint8_t *bytes, size_t n, uint64_t cookie)
{
	struct live *live = (struct live *)link;
	struct nic *nic = find_nic(live, interface);
	int error = ENODEV;

	if (nic)
		error = nic->sender->queue(queue_with_room(live, nic), bytes, n, cookie);
	if (error && live->options.send_failed)
		live->options.send_failed(live->options.context, cookie, error);
}

static void live_flush(struct link *link)
{
	struct live *live = (struct live *)link;

	for (size_t i = 0; i < live->nic_count; i++)
		flush_nic(live, live->nics[i]);
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

		capture_close(nic->capture ? nic->capture : bring_up_finish(nic->bring_up, NULL));
		if (nic->early >= 0)
			close(nic->early);
		send_thread_stop(nic->thread, NULL, NULL);
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

/* link.h: the wire and the clock behind one small vtable.
 *
 * Peers: the live link (src/link/live.c: AF_PACKET frames on Ethernet, raw IP where there is no Ethernet header), a
 * capture file, and the simulated network of the tests. No caller asks which one it has. */
#ifndef NSCAN_LINK_H
#define NSCAN_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "nscan/decode.h"
#include "nscan/err.h"
#include "nscan/network.h"

struct link;

/* One frame received: when (nanoseconds on the link's own clock), on which interface (index into network.interfaces). */
struct frame {
	int64_t at_ns;
	int interface;
	enum frame_link type;
	const uint8_t *bytes; /* valid during the call only */
	size_t captured;
	size_t wire_bytes; /* how long it was on the wire */
};

typedef void frame_handler(void *context, const struct frame *frame);
/* A queued packet could not be sent: its cookie and the errno. */
typedef void send_failed_handler(void *context, uint64_t cookie, int error);

struct link_counters {
	uint64_t frames_received;
	uint64_t kernel_drops; /* frames that the capture lost because we were too slow */
};

struct link_ops {
	/* Nanoseconds on a clock that never jumps; also the clock of frame.at_ns. */
	int64_t (*now)(struct link *link);
	/* Queues one finished frame for the interface; copies it. Sends right away when the queue is full. */
	void (*send)(struct link *link, int interface, const uint8_t *bytes, size_t n, uint64_t cookie);
	/* Puts everything queued on the wire; calls the handler given at opening for each packet that could not go. */
	void (*flush)(struct link *link);
	/* Waits until a frame arrives, `until_ns` has come, or a signal came; then hands over every frame that is there (at most
	 * a bounded number, so that the caller gets to send). False with *err set when the interface is gone for good;
	 * an interface that is down for a while is no error. */
	bool (*recv)(struct link *link, int64_t until_ns, frame_handler *handler, void *context, struct err *err);
	void (*counters)(struct link *link, struct link_counters *out);
	void (*close)(struct link *link);
};

struct link {
	const struct link_ops *ops;
};

static inline int64_t link_now(struct link *link)
{
	return link->ops->now(link);
}
static inline void link_send(struct link *link, int interface, const uint8_t *bytes, size_t n, uint64_t cookie)
{
	link->ops->send(link, interface, bytes, n, cookie);
}
static inline void link_flush(struct link *link)
{
	link->ops->flush(link);
}
static inline bool link_recv(struct link *link, int64_t until_ns, frame_handler *handler, void *context,
                             struct err *err)
{
	return link->ops->recv(link, until_ns, handler, context, err);
}
static inline void link_counters(struct link *link, struct link_counters *out)
{
	link->ops->counters(link, out);
}
static inline void link_close(struct link *link)
{
	if (link)
		link->ops->close(link);
}

#endif

/* internal.h: what the files of the live link share among themselves. */
#ifndef NSCAN_LINK_INTERNAL_H
#define NSCAN_LINK_INTERNAL_H

#include <linux/filter.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "nscan/err.h"
#include "nscan/link.h"
#include "nscan/live.h"
#include "nscan/network.h"

#define SECOND_NS INT64_C(1000000000)

struct nlmsghdr;
struct pollfd;

/* netlink.c: a dump on its way into a struct network. */
struct network_reading {
	struct network *network;
	size_t interface_capacity;
	size_t addr_capacity;
	size_t route_capacity;
	int route_family; /* AF_INET or AF_INET6: what the dump asked for */
	bool out_of_memory;
};

/* Takes one message (of any type) in; the context is a struct network_reading. A libmnl callback: <= 0 only when memory ran out. */
int network_reading_take(const struct nlmsghdr *message, void *reading);

/* filter.c: which packets the capture lets through, as a classic BPF program.
 *
 * ICMP, ICMPv6, ARP, fragments, and UDP to one of the held ports. Made by hand because pcap_compile takes 4 ms for 64 ports,
 * and because the same program has to serve frames with and without an Ethernet header. */
enum filter_shape {
	FILTER_ETHERNET, /* 14 bytes before the IP header */
	FILTER_RAW_IP,   /* none */
	FILTER_COOKED,   /* DLT_LINUX_SLL: 16 bytes */
	FILTER_SHAPE_COUNT,
};
enum { FILTER_FIXED = 24, FILTER_MAX_PORTS = 1024, FILTER_MAX = FILTER_FIXED + 2 * FILTER_MAX_PORTS + 1 };

struct filter {
	size_t count;
	struct sock_filter code[FILTER_MAX];
};

/* More than FILTER_MAX_PORTS ports: every UDP datagram passes. */
void filter_make(struct filter *out, enum filter_shape shape, const uint16_t *ports, size_t port_count);
/* Gives the program to a socket; false with errno set. */
bool filter_attach(int socket, const struct filter *filter);
/* Makes a socket drop whatever arrives from now on; false with errno set. */
bool filter_attach_drop_all(int socket);

/* send_queue.c: finished packets waiting for one sendmmsg. */
enum { SEND_QUEUE_SLOTS = 64, SEND_MAX_BYTES = 1600, SEND_LARGEST_BYTES = 14 + 65535 };

struct send_queue {
	int socket;
	size_t count;
	uint64_t cookies[SEND_QUEUE_SLOTS];
	size_t prepared[SEND_QUEUE_SLOTS]; /* a header without destination stands for that length; 0: none */
	struct mmsghdr headers[SEND_QUEUE_SLOTS];
	struct iovec parts[SEND_QUEUE_SLOTS];
	struct sockaddr_in destinations[SEND_QUEUE_SLOTS];
	uint8_t bytes[SEND_QUEUE_SLOTS][SEND_MAX_BYTES];
	uint8_t *large[SEND_QUEUE_SLOTS]; /* packets longer than that: rare, and each in memory of its own; else NULL */
};

/* `socket` stays the caller's. */
void send_queue_init(struct send_queue *queue, int socket);
bool send_queue_is_full(const struct send_queue *queue);
/* Copies the packet; the queue must not be full. `destination` is NULL for a socket bound to its interface. False (nothing
 * queued) when it is longer than any IP datagram in its frame, or memory ran out. */
bool send_queue_add(struct send_queue *queue, const uint8_t *bytes, size_t n, const struct sockaddr_in *destination,
                    uint64_t cookie);
/* Sends every packet exactly once or calls the handler for it exactly once. Leaves the queue empty. */
void send_queue_flush(struct send_queue *queue, send_failed_handler *failed, void *context);

/* send_thread.c: the same in a thread of its own, for very many packets. Only the loop's thread calls these. */
struct send_thread;

/* `socket` stays the caller's. `to_close` is closed by the thread, which may wait for that (-1: nothing). NULL when there is no
 * memory or no thread: then nothing is closed, and the loop goes on sending itself. */
struct send_thread *send_thread_start(int socket, int to_close, bool may_overtake);
/* The queue to fill now. Waits when all are on their way; tells what failed in those that came back. */
struct send_queue *send_thread_queue(struct send_thread *thread, send_failed_handler *failed, void *context);
/* Hands the queue that was filled over to the thread, if anything is in it; sends it right here when the thread has its hands full and
 * the packets may overtake each other. */
void send_thread_submit(struct send_thread *thread, send_failed_handler *failed, void *context);
/* Sends what was handed over, ends the thread and frees it. NULL is fine. */
void send_thread_stop(struct send_thread *thread, send_failed_handler *failed, void *context);

/* ethernet.c, rawip.c: one sender for each link kind. */
struct sender {
	/* Opens the sending socket; -1 with errno set. */
	int (*open)(const struct interface *interface);
	/* Queues one packet; 0, or the errno for which it cannot be queued. */
	int (*queue)(struct send_queue *queue, const uint8_t *bytes, size_t n, uint64_t cookie);
};

extern const struct sender ethernet_sender, rawip_sender;

/* One frame as a capture hands it over: wall time, as the kernel stamps it. */
typedef void captured_handler(void *context, int64_t wall_ns, const uint8_t *bytes, size_t captured, size_t wire_bytes);

/* What capture_read found. */
enum capture_state {
	CAPTURE_EMPTY, /* every frame that was there has been handed over */
	CAPTURE_MORE,  /* the limit was reached */
	CAPTURE_GONE,  /* the interface does not exist any more */
};

/* Longest part of a frame that is kept: a whole frame of 1500 bytes, and two ring slots still fit one page. Of jumbo frames the
 * rest is not kept: their headers tell the length, what identifies a reply stands at its beginning, and that an answer was cut the
 * report says. */
enum { CAPTURE_BYTES = 1900 };

/* capture.c: libpcap on one interface. */
struct capture;
struct capture_options {
	const struct interface *interface;
	const uint16_t *ports; /* those the filter admits */
	size_t port_count;
	int buffer_bytes;
};

/* NULL with *err set. */
struct capture *capture_open(const struct capture_options *options, struct err *err);
void capture_close(struct capture *capture);
int capture_fd(const struct capture *capture);
enum capture_state capture_read(struct capture *capture, int limit, captured_handler *handler, void *context);
/* The interface was reported down and not up again: read regularly, no event tells that it is gone for good. */
bool capture_is_down(const struct capture *capture);
uint64_t capture_drops(struct capture *capture);

/* early.c: a plain packet socket that catches replies until libpcap's ring is up.
 *
 * Setting a ring up makes the kernel wait for an RCU grace period: 6 to 25 ms at HZ=250, whatever its size. A plain socket
 * is ready in microseconds. So the link opens with one of these, the first probes leave, and libpcap comes up beside them.
 *
 * Takes interface and ports from the options; -1 with errno set. */
int early_open(const struct capture_options *options);
/* As capture_read; never CAPTURE_GONE. */
enum capture_state early_read(int socket, int limit, captured_handler *handler, void *context);
/* Catches nothing more; what has arrived can still be read. Adds what did not fit its buffer to *drops. */
void early_stop(int socket, uint64_t *drops);

/* bring_up.c: capture_open in a thread of its own. */
struct bring_up;

/* Options are copied, what they point to is borrowed. NULL with errno set. */
struct bring_up *bring_up_start(const struct capture_options *options);
/* Readable when bring_up_finish will not have to wait. */
int bring_up_fd(const struct bring_up *bring_up);
/* Waits, frees, and gives what capture_open gave. NULL in, NULL out. */
struct capture *bring_up_finish(struct bring_up *bring_up, struct err *err);

/* clock.c: the link's clock (monotonic), and what to add to wall time, which frames carry, to come to it. The difference is
 * taken anew for each batch of frames, so that setting the wall clock spoils one batch at most. */
int64_t clock_link_ns(void);
int64_t clock_wall_to_link_ns(void);

/* live.c, live_open.c: the link itself, and in it one of these for each open interface. */
struct nic {
	int number; /* index into network.interfaces */
	const struct interface *interface;
	const struct sender *sender;
	struct send_queue queue;
	struct send_thread *thread; /* takes the queue's place once many packets were sent; NULL: not yet */
	uint64_t flushes;           /* of a full queue */
	int early;                  /* reads until the capture is up, then silent until closing; -1: not open */
	struct bring_up *bring_up;  /* until the capture is up */
	struct capture *capture;    /* NULL before */
	int64_t empty_ns;           /* nothing unread had arrived then: what is read later arrived later */
	int64_t early_last_wall_ns; /* stamp of the last frame caught early: the ring may hold it again */
};

struct live {
	struct link link;
	struct live_options options;
	uint16_t *source_ports; /* own copy */
	sigset_t wait_mask;
	struct nic **nics; /* the open ones */
	struct pollfd *
	        polls; /* two for each: what to read from, and the end of its bringing up; at the end options.wake_fd */
	size_t nic_count;
	uint64_t frames_received;
	uint64_t early_drops;
};

extern const struct link_ops live_ops;

/* held.c: a set of port numbers. Zero-initialised is empty. */
struct port_set {
	uint8_t bits[65536 / 8];
};

bool port_set_has(const struct port_set *set, unsigned port);
void port_set_add(struct port_set *set, unsigned port);
/* Adds "8080,9148-9160", the form of the sysctl net.ipv4.ip_local_reserved_ports; stops where the text is not of that form. */
void port_set_add_text(struct port_set *set, const char *text);

#endif

/* send_queue.c: finished packets leave in batches (sendmmsg), and each one's fate is known. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

/* A full queue is waited for at most this often and this long in one flush: the caller still has replies to read. */
enum { FLUSH_WAITS = 10, WAIT_WRITABLE_MS = 10, WAIT_QUEUE_MS = 1 };

void send_queue_init(struct send_queue *queue, int socket)
{
	queue->socket = socket;
	queue->count = 0;
	memset(queue->prepared, 0, sizeof(queue->prepared));
	for (size_t i = 0; i < SEND_QUEUE_SLOTS; i++)
		queue->large[i] = NULL;
}

bool send_queue_is_full(const struct send_queue *queue)
{
	return queue->count == SEND_QUEUE_SLOTS;
}

bool send_queue_add(struct send_queue *queue, const uint8_t *bytes, size_t n, const struct sockaddr_in *destination,
                    uint64_t cookie)
{
	size_t i = queue->count;
	uint8_t *at = queue->bytes[i];

	if (n > SEND_LARGEST_BYTES || send_queue_is_full(queue))
		return false;
	if (n > sizeof(queue->bytes[i])) {
		queue->large[i] = malloc(n);
		if (!queue->large[i])
			return false;
		at = queue->large[i];
	}
	memcpy(at, bytes, n);
	queue->cookies[i] = cookie;
	queue->count++;
	/* Of a sweep all packets are alike, and another thread, on another processor, sends them: what is written here has to
	 * move to that one's cache, so what is right already is left alone. */
	if (!destination && n == queue->prepared[i])
		return true;
	queue->prepared[i] = destination || at != queue->bytes[i] ? 0 : n;
	queue->parts[i] = (struct iovec){at, n};
	queue->headers[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &queue->parts[i], .msg_iovlen = 1}};
	if (destination) {
		queue->destinations[i] = *destination;
		queue->headers[i].msg_hdr.msg_name = &queue->destinations[i];
		queue->headers[i].msg_hdr.msg_namelen = sizeof(queue->destinations[i]);
	}
	return true;
}

/* Waits for room after EAGAIN (the socket's buffer is full) or ENOBUFS (the interface's queue is, of which poll knows nothing).
 * False when it is not worth trying again. */
static bool wait_for_room(int socket, int error, int *waits_left)
{
	struct pollfd writable = {.fd = socket, .events = POLLOUT};

	if ((error != EAGAIN && error != ENOBUFS) || *waits_left <= 0)
		return false;
	(*waits_left)--;
	if (error == ENOBUFS) {
		poll(NULL, 0, WAIT_QUEUE_MS);
		return true;
	}
	if (poll(&writable, 1, WAIT_WRITABLE_MS) > 0)
		return true;
	*waits_left = 0;
	return false;
}

void send_queue_flush(struct send_queue *queue, send_failed_handler *failed, void *context)
{
	int waits_left = FLUSH_WAITS;
	size_t next = 0;

	while (next < queue->count) {
		int sent =
		        sendmmsg(queue->socket, queue->headers + next, (unsigned)(queue->count - next), MSG_DONTWAIT);
		int error = sent < 0 ? errno : 0;

		/* An error behind the first packet is not told: the call reports how many went, the next call meets the
		 * same error at its first packet. So -1 always speaks of the packet `next`, and that one did not go. */
		if (sent > 0) {
			next += (size_t)sent;
			continue;
		}
		if (error == EINTR || wait_for_room(queue->socket, error, &waits_left))
			continue;
		if (failed)
			failed(context, queue->cookies[next], error);
		next++;
	}
	for (size_t i = 0; i < queue->count; i++) {
		free(queue->large[i]);
		queue->large[i] = NULL;
	}
	queue->count = 0;
}

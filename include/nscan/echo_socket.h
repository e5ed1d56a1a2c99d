/* echo_socket.h: plain UDP sockets on several ports, answering from the address that was asked. Implemented in src/link. */
#ifndef NSCAN_ECHO_SOCKET_H
#define NSCAN_ECHO_SOCKET_H

#include <signal.h>

#include "nscan/addr.h"
#include "nscan/echo.h"
#include "nscan/err.h"
#include "nscan/ports.h"

struct echo_sockets;

/* Decides about a datagram; true: send its data, as it is then, back to where it came from. */
typedef bool echo_handler(void *context, const struct echo_request *request, int64_t now_ns);

/* Binds every port, on `addr` (none: every address) and the interface of that name (NULL: all). *err (ERR_SYSTEM) names the port that
 * cannot be had. Needs rights for ports below 1024 only. */
struct echo_sockets *echo_sockets_open(const struct port_list *ports, const struct addr *addr, const char *interface,
                                       struct err *err);
void echo_sockets_close(struct echo_sockets *sockets);
/* Waits for datagrams, the time (on the clock of echo_sockets_now) or a signal that wait_mask lets through; gives what there is, at
 * most a bounded number, to the handler. False with *err set when waiting is impossible. */
bool echo_sockets_serve(struct echo_sockets *sockets, int64_t until_ns, const sigset_t *wait_mask,
                        echo_handler *handler, void *context, struct err *err);
int64_t echo_sockets_now(void);
/* Answers that the kernel would not take. */
uint64_t echo_sockets_unsent(const struct echo_sockets *sockets);

#endif

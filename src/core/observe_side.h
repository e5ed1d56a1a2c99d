/* observe_side.h: which of two sides asked, as far as one datagram tells. */
#ifndef NSCAN_CORE_OBSERVE_SIDE_H
#define NSCAN_CORE_OBSERVE_SIDE_H

#include "nscan/decode.h"

enum side { SIDE_UNKNOWN, SIDE_QUESTION, SIDE_ANSWER };

/* By what the datagram says, where the protocol of its ports tells questions from answers. */
enum side side_by_content(const struct reply *reply);
/* The content is that of a TFTP server's answer. */
bool side_is_tftp_answer(const struct reply *reply);
/* By which of the ports looks like a service's. */
enum side side_by_port(uint16_t src_port, uint16_t dst_port);

#endif

/* rights.c: capabilities, through libcap-ng. */
#include "rights.h"

#include <cap-ng.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { NOBODY = 65534 };

bool rights_check(struct err *err)
{
	capng_clear(CAPNG_SELECT_BOTH);
	if (capng_get_caps_process() == 0 && capng_have_capability(CAPNG_EFFECTIVE, CAP_NET_RAW))
		return true;
	return err_set(err, ERR_SYSTEM,
	               "scanning needs root or CAP_NET_RAW; run it with sudo, or once: sudo setcap cap_net_raw=ep "
	               "$(command -v nscan)");
}

void rights_drop(void)
{
	/* A socket that has to be opened again after an interface came back still needs CAP_NET_RAW. */
	capng_clear(CAPNG_SELECT_BOTH);
	capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_NET_RAW);
	capng_apply(CAPNG_SELECT_CAPS);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

bool rights_drop_all(struct err *err)
{
	int result;

	capng_clear(CAPNG_SELECT_BOTH);
	if (geteuid() == 0)
		result = capng_change_id(NOBODY, NOBODY, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING);
	else
		result = capng_apply(CAPNG_SELECT_CAPS);
	if (result != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return err_set(
		        err, ERR_SYSTEM,
		        "cannot give up root's rights (%d), and serves nobody with them; run it as an ordinary user",
		        result);
	return true;
}

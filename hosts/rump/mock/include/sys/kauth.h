/* Stand-in for <sys/kauth.h>: one question, may this thread configure interfaces. */
#ifndef MOCK_SYS_KAUTH_H
#define MOCK_SYS_KAUTH_H

#include <sys/types.h>

enum kauth_network_action { KAUTH_NETWORK_INTERFACE = 8 };
enum kauth_network_req { KAUTH_REQ_NETWORK_INTERFACE_SETPRIV = 3 };

kauth_cred_t kauth_cred_get(void);
int kauth_authorize_network(kauth_cred_t, enum kauth_network_action, enum kauth_network_req, void *,
    void *, void *);

#endif

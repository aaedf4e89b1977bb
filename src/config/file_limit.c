/* file_limit.c - as many open files as the system allows; see file_limit.h.  */
#include "config/file_limit.h"

#include <sys/resource.h>

int64_t file_limit_raise(int64_t clients)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return clients;
    }
    rlim_t wanted = (rlim_t)clients + FILE_LIMIT_RESERVED;
    if (limit.rlim_cur < wanted) {
        struct rlimit raised = {wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted};
        if (setrlimit(RLIMIT_NOFILE, &raised) != 0 && limit.rlim_cur < limit.rlim_max) {
            /* Raising the hard limit is the superuser's; what is left is to go up to it. */
            raised = (struct rlimit){limit.rlim_max < wanted ? limit.rlim_max : wanted, limit.rlim_max};
            (void)setrlimit(RLIMIT_NOFILE, &raised);
        }
        if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
            return clients;
        }
    }
    if (limit.rlim_cur >= wanted) {
        return clients;
    }
    return limit.rlim_cur > FILE_LIMIT_RESERVED ? (int64_t)limit.rlim_cur - FILE_LIMIT_RESERVED : 1;
}

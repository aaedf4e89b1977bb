/* client_tracking.h - CLIENT CACHING, GETREDIR, TRACKING and TRACKINGINFO.  */
#ifndef CMD_CLIENT_TRACKING_H
#define CMD_CLIENT_TRACKING_H

struct exec;

void command_client_caching(struct exec *exec);
void command_client_getredir(struct exec *exec);
void command_client_tracking(struct exec *exec);
void command_client_trackinginfo(struct exec *exec);

#endif

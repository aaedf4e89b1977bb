/* folder_list.h - which moments a folder with a manifest can give, and how much is in it.  */
#ifndef CHECKLOG_FOLDER_LIST_H
#define CHECKLOG_FOLDER_LIST_H

/* Prints bases and generations, the earliest and the latest moment that can be restored, and the bytes of all. Reads every frame.
 * Returns the exit status; damage: what is before it is listed all the same.  */
int folder_list(const char *path);

#endif

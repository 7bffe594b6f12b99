/** How large a message's head may be, both ways. */
export const maxHeaderBytes = 64 * 1024;

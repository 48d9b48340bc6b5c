/* The event log: one order without a gap.
 *
 * The stream has three changes: versions 1 and 2 of one order, and one of another order. It is
 * delivered in batches that end anywhere, so any batch may come again in two parts. Two consumers
 * may be at the same batch at once, as when one is thought to be gone. Each logs the events of
 * the batch, posts the batch to the ledger and then moves the checkpoint. It may be stopped between
 * any two steps, and forgets then what it has told; the answer of the store may get lost.
 *
 * A page is logged by one transaction: the head goes from n to n + 1, and page n + 1 is put.
 * (One write may put several pages. That is the same as a longer page.)
 *
 * What holds
 *   1. The pages are 1, 2, 3 without a gap, and a page that is there stays as it is.
 *   2. At the end each change's event is in the log, at least once, and is posted.
 *   3. A reader who leaves out ids that they have seen sees each event once, and the
 *      versions of an order in their order.
 *
 * The guards, each of which may be taken out
 *   WITHOUT_HEAD          the transaction expects the head that was read (Log.append)
 *   WITHOUT_ONE_WRITE     head and page are one write (Log.append)
 *   WITHOUT_TOLD_LAST     an event counts as told once it is in the log (Log.append, Log.hasTold)
 *   WITHOUT_DONE_LAST     the checkpoint moves after the batch was logged and posted (Pump.step)
 *   WITHOUT_STREAM_ORDER  a batch is delivered when the one before is done (Pump.step)
 *   WITHOUT_STABLE_ID     an event's id is derived from what happened, not from its page (model.NewEvent)
 */

#define CHANGES 3
#define PAGES 10

/* Change c is of order SUBJECT(c), and its version is VERSION(c). */
#define SUBJECT(c) (c == 1 -> 1 : 0)
#define VERSION(c) (c == 2 -> 2 : 1)

byte posted;               /* the ledger: changes before it are posted */
byte head;                 /* the log's last page */
byte first[PAGES];         /* a page has the events of the changes from first */
byte after[PAGES];         /* to after - 1; 0 is no page */
byte checkpoint;           /* changes before it are done */
byte stops = 2;
byte finished;

#ifdef WITHOUT_HEAD
#define HEAD_AS_READ true
#else
#define HEAD_AS_READ (head == read_head)
#endif

inline may_stop() {
	if
	:: atomic { stops > 0 -> stops--; told = 0 } goto deliver
	:: true
	fi
}
inline move_checkpoint() {
	atomic {
		if
		:: checkpoint < to -> checkpoint = to
		:: else
		fi
	}
}

proctype Consumer() {
	byte from, to, read_head, start;
	byte told;             /* what this process remembers: changes before it are in the log */
deliver:
	atomic {
		read_head = 0; start = 0;
		if
		:: checkpoint == CHANGES -> goto done
		:: checkpoint < CHANGES -> from = checkpoint
#ifdef WITHOUT_STREAM_ORDER
		:: checkpoint + 1 < CHANGES -> from = checkpoint + 1
#endif
		fi;
		select(to : from + 1 .. CHANGES)
	}
#ifdef WITHOUT_DONE_LAST
	move_checkpoint();
	may_stop();
#endif
	/* Log.Record: what this process has told lately is left out. */
	if
	:: told >= to -> goto post
	:: told < to
	fi;
log:
	atomic {
		start = (told > from -> told : from);
		read_head = head
#ifdef WITHOUT_TOLD_LAST
		; told = to
#endif
	}
	if
	:: atomic { stops > 0 -> stops-- } goto deliver          /* the store does not answer */
	:: true
	fi;
	atomic {
		if
		:: !HEAD_AS_READ -> goto log
		:: HEAD_AS_READ ->
			assert(read_head + 1 < PAGES);
			head = read_head + 1;
#ifndef WITHOUT_ONE_WRITE
			assert(after[head] == 0);                        /* 1 */
			first[head] = start; after[head] = to
#endif
		fi
	}
#ifdef WITHOUT_ONE_WRITE
	may_stop();
	atomic { first[read_head + 1] = start; after[read_head + 1] = to }
#endif
	if
	:: atomic { stops > 0 -> stops-- } goto deliver          /* stored, and the answer is lost */
	:: atomic { true -> told = to }
	fi;
	/* Ledger.Post */
post:
	atomic { posted = (posted < to -> to : posted) }
	may_stop();
	move_checkpoint();
	goto deliver;
done:
	atomic { from = 0; to = 0; told = 0; finished++ }
}

init {
	byte page, c, seen[CHANGES], version[2];
	atomic {
		run Consumer();
		run Consumer()
	}
	finished == 2;
	d_step {
		for (page : 1 .. head) {
			assert(after[page] != 0);                        /* 1 */
			for (c : first[page] .. after[page] - 1) {
#ifndef WITHOUT_STABLE_ID
				if
				:: seen[c] == 0 ->
#else
				if
				:: true ->
#endif
					seen[c]++;
					assert(VERSION(c) == version[SUBJECT(c)] + 1);  /* 3 */
					version[SUBJECT(c)] = VERSION(c)
				:: else
				fi
			}
		}
		for (c : 0 .. CHANGES - 1) {
			assert(seen[c] == 1)                             /* 2 and 3 */
		}
		assert(posted == CHANGES)                            /* 2 */
	}
}

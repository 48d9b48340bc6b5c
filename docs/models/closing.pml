/* Closing days, with postings that come late and two closers at once.
 *
 * Two days are closed, in either order, by two closers who race for each of them. Two orders
 * of these days reach the ledger at any moment: before their day is closed, while it is, or after.
 * A poster or a closer may be stopped between any two steps, and tries again. At the end
 * a third day, without orders, is closed by somebody alone.
 *
 * A day that may have been closed already is marked before its late entry is written. The next
 * close carries, for each marked day, what the ledger has now, less what was closed, less what was
 * carried before.
 *
 * What holds
 *   1. Numbers of closes are 1, 2, 3 without a gap; a day is closed once.
 *   2. At every moment a closed day that differs from what was closed and carried of it is marked.
 *   3. At the end the closes add up to the ledger.
 *
 * The guards, each of which may be taken out
 *   WITHOUT_HEAD         a close expects the number before it to be the last
 *   WITHOUT_ABSENT       a close expects that the day has none
 *   WITHOUT_ONE_WRITE    the close, and what it says of marked days, are one write
 *   WITHOUT_UNCHANGED    a mark is taken away only as it was read
 *   WITHOUT_PATIENCE     a mark stays while a posting that made it may be under way (records.PostingTime)
 *   WITHOUT_MARK_FIRST   the day is marked before the entry is written (Ledger.markLate)
 *   WITHOUT_READ_ORDER   a closer reads the mark before the ledger
 */

#define DAYS 3
#define RECORDS 8

/* The ledger's sum of each day. */
byte ledger[DAYS];

/* The closes, by their number; the head is the last number. */
byte head;
byte closed_day[RECORDS];  /* day + 1; 0 is no record */
byte amount[RECORDS];      /* of the day, and what it carried of others */

/* The days' records. */
bool closed[DAYS];
byte as_closed[DAYS], carried[DAYS];
byte marks[DAYS];          /* how often the day was marked, */
bool marked[DAYS];         /* and whether the mark is there */

bool entry[2];             /* the two orders' entries */
byte posting[DAYS];        /* postings under way that have marked the day */
byte stops = 1;
bool halfway;              /* without one write: between the two */
byte finished;

inline mark_day() {
	atomic { marks[day]++; marked[day] = true; posting[day]++ }
}

/* Ledger.Post, of one order. */
proctype Poster(byte order; byte day; byte worth) {
again:
	if
	:: entry[order] -> goto done                             /* it is as new: nothing to do */
	:: !entry[order]
	fi;
#ifndef WITHOUT_MARK_FIRST
	mark_day();
	if
	:: atomic { stops > 0 -> stops--; posting[day]-- } goto again
	:: true
	fi;
#endif
	atomic { entry[order] = true; ledger[day] = ledger[day] + worth }
#ifdef WITHOUT_MARK_FIRST
	if
	:: atomic { stops > 0 -> stops-- } goto again
	:: true
	fi;
	mark_day();
#endif
	atomic { posting[day]-- }
done:
	finished++
}

inline read_mark() {
	d_step {
		read_marked = marked[other] && closed[other];
		read_marks = (read_marked -> marks[other] : 0);
		may_clear = (read_marked && posting[other] == 0)
	}
}
inline read_other() {
	carry = (closed[other] -> ledger[other] - as_closed[other] - carried[other] : 0)
}

#ifdef WITHOUT_HEAD
#define HEAD_AS_READ true
#else
#define HEAD_AS_READ (head == read_head)
#endif
#ifdef WITHOUT_ABSENT
#define NOT_CLOSED true
#else
#define NOT_CLOSED (!closed[day])
#endif
#ifdef WITHOUT_UNCHANGED
#define MARK_AS_READ true
#else
#define MARK_AS_READ (marks[other] == read_marks && marked[other])
#endif
#ifdef WITHOUT_PATIENCE
#define MAY_CLEAR true
#else
#define MAY_CLEAR may_clear
#endif

inline say_carried() {
	carried[other] = carried[other] + carry;
	if
	:: MAY_CLEAR -> marked[other] = false
	:: !MAY_CLEAR
	fi
}

/* A closer. The other day is the one whose late postings it may have to carry; the model has
 * one such day for each close. */
inline close_day() {
	do
	:: closed[day] -> break                                  /* 409: it is closed */
	:: !closed[day] ->
		atomic { read_head = head; read_marked = false; read_marks = 0; may_clear = false; carry = 0; own = ledger[day] }
#ifndef WITHOUT_READ_ORDER
		read_mark();
		read_other();
#else
		read_other();
		read_mark();
#endif
		if
		:: atomic { stops > 0 -> stops-- }                   /* stopped, tried again */
		:: atomic {
			HEAD_AS_READ && NOT_CLOSED && (!read_marked || MARK_AS_READ) ->
				assert(read_head + 1 < RECORDS);
				head = read_head + 1;
				assert(closed_day[head] == 0);               /* 1 */
				closed_day[head] = day + 1; amount[head] = own + (read_marked -> carry : 0);
				closed[day] = true; as_closed[day] = own; carried[day] = 0;
				if
#ifndef WITHOUT_ONE_WRITE
				:: read_marked -> say_carried()
#else
				:: read_marked -> halfway = true
#endif
				:: !read_marked
				fi;
				break
			}
		:: atomic { !(HEAD_AS_READ && NOT_CLOSED && (!read_marked || MARK_AS_READ)) -> skip }
		fi
	od;
#ifdef WITHOUT_ONE_WRITE
	if
	:: atomic { halfway && stops > 0 -> stops--; halfway = false }
	:: atomic { halfway -> say_carried(); halfway = false }
	:: !halfway
	fi;
#endif
	skip
}

proctype Closer(byte day) {
	byte other = 1 - day, read_head, read_marks, own;
	short carry;
	bool read_marked, may_clear;

	close_day();
	atomic { day = 1 - day; other = 1 - other }
	close_day();
	atomic { read_head = 0; read_marks = 0; own = 0; carry = 0; read_marked = false; may_clear = false; finished++ }
}

#define MARKED_IF_DIFFERENT(d) (!closed[d] || marked[d] || ledger[d] == as_closed[d] + carried[d])

/* 2, at every moment. */
proctype Watcher() {
	do
	:: atomic { !halfway && !(MARKED_IF_DIFFERENT(0) && MARKED_IF_DIFFERENT(1)) -> assert(false) }
	:: finished == 4 -> break
	od
}

init {
	byte n, sum, other;
	atomic {
		run Watcher();
		run Poster(0, 0, 1);
		run Poster(1, 1, 3);
		run Closer(0);
		if
		:: run Closer(0)
		:: run Closer(1)
		fi
	}
	finished == 4;
	stops = 0;
	d_step {
		/* The close of the third day carries both. */
		for (other : 0 .. 1) {
			if
			:: marked[other] ->
				sum = sum + ledger[other] - as_closed[other] - carried[other]
			:: else
			fi
		}
		head++;
		closed_day[head] = 3; amount[head] = sum;
		sum = 0;
		for (n : 1 .. head) {
			assert(closed_day[n] != 0);                      /* 1 */
			sum = sum + amount[n]
		}
		assert(head == 3);                                   /* 1 */
		assert(sum == ledger[0] + ledger[1])                 /* 3 */
	}
}

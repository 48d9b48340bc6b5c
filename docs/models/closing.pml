/* Closing days, with postings that come late and two closers at once.
 *
 * Two days are closed by two closers, who race for the first or take them in another order. An order
 * of either day reaches the ledger at any moment: before its day is closed, while it is, or after.
 * A poster or a closer may be stopped between any two steps, and tries again. The reports fall due
 * at any moment, too: only from then on are changes marked. At the end a third day, without
 * orders, is closed by somebody alone.
 *
 * From when its report is due, a day is marked before a change of it is posted. A close carries, for
 * each closed day that it finds in the index of marked days, what the ledger has now, less what
 * closes have of it already. A day stays in the index until a close is sure that it has everything.
 *
 * What holds
 *   1. Numbers of closes are 1, 2, 3 without a gap; a day is closed once.
 *   2. At every moment a closed day of which the closes do not have everything is found by the
 *      next close: it is in the index, or it is the last that was closed, and not noted yet.
 *   3. At the end the closes add up to the ledger.
 *
 * The guards, each of which may be taken out
 *   WITHOUT_HEAD         a close expects the number before it to be the last (records.PutClose)
 *   WITHOUT_ABSENT       a close expects that the day has none (records.PutClose)
 *   WITHOUT_ONE_WRITE    the close, and what it carries of other days, are one write (Books.attempt)
 *   WITHOUT_UNCHANGED    a day leaves the index only as it was read (DayMarks.asRead, records.MarkCarried, records.MarkClosed)
 *   WITHOUT_PATIENCE     it stays while a change that marked it may not be posted yet (Books.has, records.PostingTime)
 *   WITHOUT_DUE          it stays while changes are not marked yet (Books.has)
 *   WITHOUT_ASSURE       a close first notes that the day of the last one is closed (Books.attempt, Books.assureMark)
 *   WITHOUT_MARK_FIRST   the day is marked before the change is posted (Ledger.Post, Ledger.markLate)
 *   WITHOUT_READ_ORDER   a closer reads the marks before the ledger (Books.changed, Books.Close)
 */

#define DAYS 3
#define NOBODY 255

byte ledger[DAYS];         /* the ledger's sum of each day */

/* The closes: the head with the last number and its day, and what each day's record has. */
byte head, head_day = NOBODY;
bool closed[DAYS];
byte booked[DAYS];         /* what all closes have of a day */
byte closes;               /* records that were put, for invariant 1 */

/* What is known of a day. */
byte late[DAYS];           /* how often it was marked */
bool noted[DAYS];          /* that it is closed */
bool index[DAYS];          /* the next close looks at it */

bool marking, due;         /* the clock: five minutes before the report, and when it is due */
byte unmarked;             /* postings under way that began before that */
byte posting[DAYS];        /* postings under way that have marked the day */
bool entry[DAYS];
byte stops = 1;
bool halfway;              /* without one write: between the two */
byte finished;

proctype Clock() {
	marking = true;
	atomic { unmarked == 0 -> due = true }
}

/* records.MarkLate */
inline mark_late() {
	atomic {
		late[day]++; posting[day]++;
		index[day] = index[day] || noted[day]
	}
}

/* Ledger.Post, of one order. */
proctype Poster(byte day; byte worth) {
	bool marks;
again:
	if
	:: entry[day] -> goto done                               /* it is as new: nothing to do */
	:: !entry[day]
	fi;
	atomic { marks = marking; unmarked = unmarked + !marks }
#ifndef WITHOUT_MARK_FIRST
	if
	:: marks -> mark_late()
	:: !marks
	fi;
#endif
	if
	:: atomic { stops > 0 -> stops--; posting[day] = posting[day] - marks; unmarked = unmarked - !marks } goto again
	:: true
	fi;
	atomic { entry[day] = true; ledger[day] = ledger[day] + worth }
#ifdef WITHOUT_MARK_FIRST
	if
	:: atomic { stops > 0 -> stops--; unmarked = unmarked - !marks } goto again
	:: true
	fi;
	if
	:: marks -> mark_late()
	:: !marks
	fi;
#endif
	atomic { posting[day] = posting[day] - marks; unmarked = unmarked - !marks }
done:
	finished++
}

#ifdef WITHOUT_PATIENCE
#define POSTED(d) true
#else
#define POSTED(d) (posting[d] == 0)
#endif
#ifdef WITHOUT_DUE
#define MARKED_BY_NOW true
#else
#define MARKED_BY_NOW due
#endif
#define HAS(d) (POSTED(d) && MARKED_BY_NOW)                      /* Books.has */
#ifdef WITHOUT_HEAD
#define HEAD_AS_READ true
#else
#define HEAD_AS_READ (head == read_head)
#endif
#ifdef WITHOUT_ABSENT
#define ABSENT true
#else
#define ABSENT (!closed[day])
#endif
#ifdef WITHOUT_UNCHANGED
#define AS_READ(d, n) true
#else
#define AS_READ(d, n) (late[d] == n)
#endif

inline note(d, everything) {
	noted[d] = true;
	index[d] = index[d] || !(everything)
}
inline mark_carried() {
	booked[other] = booked[other] + carry;
	index[other] = index[other] && !all
}
inline may_stop() {
	if
	:: atomic { stops > 0 -> stops-- } goto again
	:: true
	fi
}

/* Books.Close. The other day is the one of which it may have to carry something. */
proctype Closer(byte day; bool both) {
	byte other = 1 - day, read_head, own, own_late, carried_late, carry;
	bool own_all, all, looks;
again:
	if
	:: closed[day] ->
		atomic {                                             /* Books.closed */
			if
			:: !noted[day] -> note(day, false)
			:: noted[day]
			fi;
			goto next
		}
	:: !closed[day]
	fi;
#ifndef WITHOUT_READ_ORDER
	own_late = late[day];
	atomic { own = ledger[day]; own_all = HAS(day) }
#else
	atomic { own = ledger[day]; own_all = HAS(day) }
	own_late = late[day];
#endif
attempt:
	atomic {
		read_head = head;
#ifndef WITHOUT_ASSURE
		if
		:: head_day != NOBODY && !noted[head_day] -> note(head_day, false)
		:: else
		fi
#endif
	}
	/* Books.carry and Books.changed */
	atomic { looks = index[other] && noted[other]; carry = 0; all = false; carried_late = 0 }
	if
	:: looks ->
#ifndef WITHOUT_READ_ORDER
		carried_late = late[other];
		atomic { carry = ledger[other] - booked[other]; all = HAS(other) }
#else
		atomic { carry = ledger[other] - booked[other]; all = HAS(other) }
		carried_late = late[other]
#endif
	:: !looks
	fi;
	may_stop();
	atomic {
		if
		:: HEAD_AS_READ && ABSENT && (!looks || AS_READ(other, carried_late)) ->
			head = read_head + 1; head_day = day;
			closed[day] = true; booked[day] = own; closes++;
			assert(head == closes);                          /* 1 */
			if
#ifndef WITHOUT_ONE_WRITE
			:: looks -> mark_carried()
#else
			:: looks -> halfway = true
#endif
			:: !looks
			fi
		:: else -> 
			if
			:: closed[day] -> goto again
			:: !closed[day] -> goto attempt
			fi
		fi
	}
#ifdef WITHOUT_ONE_WRITE
	if
	:: atomic { looks && stops > 0 -> stops--; halfway = false } goto again
	:: atomic { looks -> mark_carried(); halfway = false }
	:: !looks
	fi;
#endif
	may_stop();
	atomic {                                                 /* records.MarkClosed */
		note(day, own_all && AS_READ(day, own_late))
	}
next:
	atomic {
		read_head = 0; own = 0; own_late = 0; carried_late = 0; carry = 0; own_all = false; all = false; looks = false;
		if
		:: both -> both = false; day = 1 - day; other = 1 - other; goto again
		:: !both -> finished++
		fi
	}
}

#define FOUND(d) (!closed[d] || ledger[d] == booked[d] || index[d] || !noted[d] && head_day == d)

/* 2, at every moment. */
proctype Watcher() {
	do
	:: atomic { !halfway && !(FOUND(0) && FOUND(1)) -> assert(false) }
	:: finished == 3 -> break
	od
}

init {
	byte d, sum;
	atomic {
		run Watcher();
		run Clock();
		if
		:: run Poster(0, 1)
		:: run Poster(1, 1)
		fi;
		run Closer(0, true);
		if
		:: run Closer(0, false)
		:: run Closer(1, true)
		fi
	}
	finished == 3;
	d_step {
		assert(head == 2 && closes == 2);                    /* 1 */
		/* The close of the third day looks at what is in the index, after the last is noted. */
		for (d : 0 .. 1) {
			if
			:: index[d] || !noted[d] && head_day == d -> booked[d] = ledger[d]
			:: else
			fi;
			sum = sum + booked[d]
		}
		assert(sum == ledger[0] + ledger[1])                 /* 3 */
	}
}

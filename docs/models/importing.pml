/* Upload and import.
 *
 * A till's file has two orders and the count of one shelf. The upload is announced twice, so two
 * attempts may run at once; each may be stopped anywhere, and is then announced again. While
 * they run, the owner deletes an order that came in, and one unit of the shelf is sold. After
 * the import has finished, another file is sent to the same address: it has one order more.
 * At the end the first file is imported once more, as a new import.
 *
 * (The real importer takes orders and counts from files of different kinds. One file with
 * both keeps the model small, and asks no less.)
 *
 * What holds
 *   1. Each order of the file is stored once, as it is in the file. A deleted one stays deleted.
 *   2. The shelf has what was counted, less what was sold after it was counted.
 *   3. The import ends as done. Its result says that it brought all the orders, however many
 *      attempts it took; the second import says that it brought none.
 *   4. A finished import takes nothing more in.
 *
 * The guards, each of which may be taken out
 *   WITHOUT_ABSENT      an order is put only where there is none (attempt.takeOrder)
 *   WITHOUT_DERIVED_ID  an order's id is derived from what the till says (Identity.OrderID)
 *   WITHOUT_IMPORT_ID   an order knows which import brought it (attempt.takeOrder)
 *   WITHOUT_SAID        a count is marked as said by its import (attempt.said, attempt.say)
 *   WITHOUT_UNSAID      the write expects that the count is not said yet (attempt.unsaid)
 *   WITHOUT_STATUS      a finished import does not start again (attempt.start)
 *   WITHOUT_AFRESH      each attempt counts from zero (Importer.attempt)
 */

#define ROWS 3             /* orders that any file has; the first file has two */
#define COUNTED 5

mtype = { WAITING, RUNNING, DONE };

/* The table. An order is 0: absent, 1 or 2: brought by that import; deleted apart. */
byte order[ROWS];
bool deleted[ROWS];
byte copies[ROWS];         /* how often it was stored */
mtype status[3] = WAITING; /* of imports 1 and 2 */
byte created[3];           /* their results */
byte progress[3];          /* what an attempt stored of its counts, for WITHOUT_AFRESH */
byte shelf = 9;
byte said_by;              /* which import last said what is on the shelf */

byte sold;                 /* after it was counted */
byte stops = 2;
bool other_file;           /* the second file was sent to the first one's address */
byte finished;

/* attempt.takeOrder */
inline take_order(r) {
	atomic {
#ifdef WITHOUT_DERIVED_ID
		copies[r]++; order[r] = import; mine++
#else
#ifdef WITHOUT_ABSENT
		deleted[r] = false; copies[r] = 1; order[r] = import; mine++
#else
		if
		:: order[r] == 0 -> copies[r] = 1; order[r] = import; mine++
#ifndef WITHOUT_IMPORT_ID
		:: order[r] == import -> mine++      /* by an earlier attempt, or another at the same time */
		:: order[r] != 0 && order[r] != import
#else
		:: order[r] != 0
#endif
		fi
#endif
#endif
	}
}

#ifdef WITHOUT_UNSAID
#define AS_READ true
#else
#define AS_READ (said_by == read_said && shelf == read_shelf)
#endif

inline may_stop() {
	if
	:: atomic { stops > 0 -> stops--; progress[import] = mine } goto announced
	:: true
	fi
}

/* One announcement of the upload: it comes again until the attempt ends by itself. */
proctype Announcement(byte import) {
	byte mine, rows, read_said, read_shelf;
announced:
	atomic {
		/* attempt.start */
		if
#ifndef WITHOUT_STATUS
		:: status[import] == DONE -> goto done
		:: status[import] != DONE -> status[import] = RUNNING
#else
		:: true -> status[import] = RUNNING
#endif
		fi;
#ifndef WITHOUT_AFRESH
		mine = 0;
#else
		mine = progress[import];
#endif
		rows = (other_file && import == 1 -> 3 : 2)
	}
	take_order(0);
	may_stop();
	take_order(1);
	if
	:: rows == 3 -> take_order(2)
	:: rows == 2
	fi;
	/* attempt.takeItem with attempt.takeCount */
count:
	atomic { read_said = said_by; read_shelf = shelf }
	if
#ifndef WITHOUT_SAID
	:: read_said >= import                   /* by this import, or a later one: settled */
	:: read_said < import ->
#else
	:: true ->
#endif
		atomic {
			if
			:: AS_READ ->
				if
				:: said_by != import -> sold = 0
				:: else
				fi;
				shelf = COUNTED; said_by = import
			:: !AS_READ -> goto count
			fi
		}
	fi;
	may_stop();
	/* attempt.finish */
	atomic {
		if
		:: status[import] == RUNNING -> status[import] = DONE; created[import] = mine
		:: status[import] != RUNNING
		fi
	}
	may_stop();
done:
	atomic { mine = 0; rows = 0; read_said = 0; read_shelf = 0; finished++ }
}

proctype Counter() {
	if
	:: atomic { said_by != 0 -> shelf--; sold++ }
	:: true
	fi;
	finished++
}

proctype Owner() {
	if
	:: atomic { order[0] != 0 -> deleted[0] = true }
	:: true
	fi;
	finished++
}

proctype Client() {
	if
	:: atomic { status[1] == DONE -> other_file = true } run Announcement(1)
	:: true -> finished++
	fi
}

init {
	bool gone;
	atomic {
		run Announcement(1);
		run Announcement(1);
		run Counter();
		run Owner();
		run Client()
	}
	finished == 5;
	gone = deleted[0];
	assert(shelf == COUNTED - sold && said_by == 1);                        /* 2 */
	run Announcement(2);
	finished == 6;
	d_step {
		assert(copies[0] == 1 && copies[1] == 1);                       /* 1 */
		assert(order[0] == 1 && order[1] == 1 && deleted[0] == gone);   /* 1 */
		assert(shelf == COUNTED - sold && said_by == 2);                /* 2 */
		assert(status[1] == DONE && created[1] == 2 && created[2] == 0); /* 3 */
		assert(order[2] == 0)                                           /* 4 */
	}
}

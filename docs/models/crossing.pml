/* Crossing a limit: one alert for each crossing, and it is sent.
 *
 * A customer's balance moves up and down by orders and payments; two consumers post them at once.
 * Staff lower the limit once. A crossing puts an alert into the outbox. The notifier hears of
 * it from the stream, publishes it and marks it sent. Everybody may be stopped between any
 * two steps, and the notifier's record of the alert may be lost. A sweep comes at the end.
 *
 * What holds
 *   1. There are as many alerts as the balance rose above its limit.
 *   2. At the end each alert has been published at least once and is marked as sent.
 *   3. Nothing is published that is no alert.
 *
 * The guards, each of which may be taken out
 *   WITHOUT_ARMED        only an armed alert is due, and a crossing disarms it (Customer.Settle)
 *   WITHOUT_ARMING       the alert is armed again at or below the limit (Customer.Settle)
 *   WITHOUT_VERSION      the customer is written as it was read (records.PutCustomer)
 *   WITHOUT_ONE_WRITE    balance and alert are one write (Ledger.attemptTab, outbox.HighBalance)
 *   WITHOUT_SETTLING     a changed limit is settled in the same write (Cafe.SetCustomer)
 *   WITHOUT_MARK_LAST    the alert is marked after it was published (Announcer.announce)
 *   WITHOUT_SWEEP        what stayed pending is found (Announcer.Sweep)
 */

#define ALERTS 6

/* The customer's item. */
byte balance = 4, limit = 5, version, crossings;
bool armed = true;

/* The outbox, by the number of the crossing that the id is derived from. */
mtype = { ABSENT, PENDING, SENT };
mtype outbox[ALERTS] = ABSENT;
bool published[ALERTS];
bool heard[ALERTS];        /* the stream's record of the alert is there to be read */

/* What happened, apart from what the café stored. */
byte rises;                /* how often the balance rose above the limit */
byte stops = 2;
byte finished;

/* Customer.Settle. It reports a crossing in the variable crossed. */
inline settle() {
	if
#ifndef WITHOUT_ARMING
	:: new_balance <= new_limit -> new_armed = true; crossed = false
#else
	:: new_balance <= new_limit -> crossed = false
#endif
#ifndef WITHOUT_ARMED
	:: new_balance > new_limit && new_armed -> new_armed = false; crossed = true
	:: new_balance > new_limit && !new_armed -> crossed = false
#else
	:: new_balance > new_limit -> crossed = true
#endif
	fi
}

inline put_alert() {
	assert(crossings < ALERTS);
	outbox[crossings] = PENDING;
	heard[crossings] = true
}

#ifdef WITHOUT_VERSION
#define AS_READ true
#else
#define AS_READ (version == read_version)
#endif

/* One change: a posting by up or down, or a new limit. It is tried until it is stored. */
proctype Change(short by; byte set_limit) {
	byte read_version, new_balance, new_limit;
	bool new_armed, crossed;
again:
	atomic {
		read_version = version;
		new_balance = balance + by;
		new_limit = limit;
		new_armed = armed;
		if
		:: set_limit > 0 -> new_limit = set_limit
		:: else
		fi
	}
#ifdef WITHOUT_SETTLING
	if
	:: set_limit == 0 -> settle()
	:: set_limit > 0 -> crossed = false
	fi;
#else
	atomic { settle() }
#endif
	if
	:: atomic { stops > 0 -> stops-- } goto again
	:: true
	fi;
	atomic {
		if
		:: !AS_READ -> goto again
		:: AS_READ ->
			if
			:: balance <= limit && new_balance > new_limit -> rises++
			:: else
			fi;
			balance = new_balance; limit = new_limit; armed = new_armed; version++;
			if
			:: crossed ->
				crossings++;
#ifndef WITHOUT_ONE_WRITE
				put_alert()
#endif
			:: !crossed
			fi
		fi
	}
#ifdef WITHOUT_ONE_WRITE
	if
	:: crossed && stops > 0 -> stops--       /* stopped here: the next attempt finds it posted */
	:: crossed -> atomic { put_alert() }
	:: !crossed
	fi;
#endif
	finished++
}

/* Announcer.announce, of the alert of crossing n. */
inline announce(n) {
#ifndef WITHOUT_MARK_LAST
	assert(outbox[n] != ABSENT);             /* 3 */
	published[n] = true;
	if
	:: atomic { stops > 0 -> stops-- }       /* stopped: it stays pending */
	:: outbox[n] = SENT
	fi
#else
	outbox[n] = SENT;
	if
	:: atomic { stops > 0 -> stops-- }
	:: published[n] = true
	fi
#endif
}

proctype Notifier() {
	byte n;
	do
	:: atomic { n < ALERTS && heard[n] -> heard[n] = false }
		if
		:: outbox[n] == PENDING -> announce(n)
		:: outbox[n] != PENDING
		fi;
		n++
	:: n < ALERTS -> n++                     /* the record is lost, or comes too late */
	:: finished == 4 && n == ALERTS -> break
	od;
#ifndef WITHOUT_SWEEP
	/* Announcer.Sweep comes again and again; once nobody is stopped any more, it goes through. */
	stops = 0;
	for (n : 0 .. ALERTS - 1) {
		if
		:: outbox[n] == PENDING -> announce(n)
		:: else
		fi
	}
#endif
	finished++
}

init {
	byte n, alerts;
	atomic {
		run Change(3, 0);      /* an order */
		run Change(-3, 0);     /* a payment */
		run Change(2, 0);      /* an order */
		run Change(0, 3);      /* a lower limit */
		run Notifier()
	}
	finished == 5;
	d_step {
		for (n : 0 .. ALERTS - 1) {
			if
			:: outbox[n] != ABSENT ->
				alerts++;
				assert(outbox[n] == SENT && published[n])     /* 2 */
			:: else
			fi
		}
		assert(alerts == rises && alerts == crossings)        /* 1 */
	}
}

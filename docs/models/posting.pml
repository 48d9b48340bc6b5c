/* Posting orders to the ledger.
 *
 * One customer has two orders on the tab. The first is changed once, so it has postings 1 and 2.
 * Two consumers work at once. Each is given any of the records, in any order and any number
 * of times, and may be stopped anywhere; the answer of the store may get lost. At the end
 * each order's newest record is delivered once more, as a stream does that keeps a record
 * until it is done.
 *
 * What holds
 *   1. At every moment the customer's total is the sum of the ledger's entries.
 *   2. An entry is never replaced by an older one.
 *   3. At the end each entry is what its order contributes, and so the total is right.
 *
 * The guards, each of which may be taken out
 *   WITHOUT_NEWER            an older posting is left alone (Ledger.attemptTab)
 *   WITHOUT_ENTRY_CONDITION  the write expects the entry that was read (Ledger.attemptTab)
 *   WITHOUT_VERSION          the write expects the customer that was read (records.PutCustomer)
 *   WITHOUT_ONE_WRITE        entry and total are one write (Ledger.attemptTab)
 *   WITHOUT_DIFFERENCE       the total moves by new less old (Customer.Post)
 *   WITHOUT_REDELIVERY       what was not done is delivered again (Pump.step)
 */

#define ORDERS 2
#define NOTHING 255

/* What the orders contribute: posting 1 of order 0 is 3, its posting 2 is 1, order 1 is 5. */
#define AMOUNT(order, posting) (posting == 0 -> 0 : (order == 1 -> 5 : (posting == 1 -> 3 : 1)))
#define NEWEST(order) (order == 0 -> 2 : 1)

byte entry[ORDERS];        /* the ledger: the posting of each order's entry, 0 is none */
short total;               /* the customer's, */
byte version;              /* and the version of the customer's item */
byte deliveries = 3;       /* before the last ones */
byte stops = 1;            /* how many times a consumer is stopped */
byte losses = 1;           /* how many answers of the store get lost */
bool halfway;              /* without one write: between the two */
byte finished;

#define SUM (AMOUNT(0, entry[0]) + AMOUNT(1, entry[1]))

#ifdef WITHOUT_NEWER
#define NEWER(posting, replaced) true
#else
#define NEWER(posting, replaced) (posting > replaced)
#endif
#ifdef WITHOUT_ENTRY_CONDITION
#define ENTRY_AS_READ true
#else
#define ENTRY_AS_READ (entry[order] == replaced)
#endif
#ifdef WITHOUT_VERSION
#define CUSTOMER_AS_READ true
#else
#define CUSTOMER_AS_READ (version == read_version)
#endif
#ifdef WITHOUT_DIFFERENCE
#define MOVE AMOUNT(order, posting)
#else
#define MOVE (AMOUNT(order, posting) - AMOUNT(order, replaced))
#endif

proctype Consumer(byte last) {
	byte order, posting, replaced, read_version;
	short read_total;

next:
	atomic {
		if
		:: deliveries > 0 ->
			deliveries--;
			if
			:: order = 0; posting = 1
			:: order = 0; posting = 2
			:: order = 1; posting = 1
			fi
		:: true ->         /* the last record of this consumer */
#ifdef WITHOUT_REDELIVERY
			goto done;
#endif
			order = last; posting = NEWEST(last); last = NOTHING
		fi
	}
again:
	/* Ledger.postToTab: a first posting expects no entry, later ones read it. */
	if
	:: posting == 1 -> replaced = 0
	:: posting > 1 -> replaced = entry[order]
	fi;
attempt:
	if
	:: NEWER(posting, replaced) -> skip
	:: !NEWER(posting, replaced) -> goto posted
	fi;
	/* Ledger.attemptTab: read the customer, reckon, and write both under conditions. */
	d_step { read_version = version; read_total = total }
	if
	:: atomic { stops > 0 -> stops-- } goto again           /* stopped, delivered again */
	:: true
	fi;
	atomic {
		if
		:: !(ENTRY_AS_READ && CUSTOMER_AS_READ) ->
			if
			:: !ENTRY_AS_READ -> replaced = entry[order]     /* the refusal has the item */
			:: ENTRY_AS_READ -> skip
			fi;
			goto attempt
		:: ENTRY_AS_READ && CUSTOMER_AS_READ ->
			entry[order] = posting;
#ifdef WITHOUT_ONE_WRITE
			halfway = true
#else
			total = read_total + MOVE;
			version++
#endif
		fi
	}
#ifdef WITHOUT_ONE_WRITE
	if
	:: atomic { stops > 0 -> stops--; halfway = false } goto again
	:: atomic { true -> total = read_total + MOVE; version++; halfway = false }
	fi;
#endif
	if
	:: atomic { losses > 0 -> losses-- } goto again          /* stored, but the answer was lost */
	:: true
	fi;
posted:
	if
	:: last != NOTHING -> goto next
	:: last == NOTHING
	fi;
done:
	finished++
}

/* 1 and 2, at every moment. */
proctype Watcher() {
	byte had;
	do
	:: atomic { !(halfway || total == SUM) -> assert(false) }        /* 1 */
	:: atomic { entry[0] > had -> had = entry[0] }
	:: atomic { entry[0] < had -> assert(false) }                    /* 2 */
	:: finished == 2 -> break
	od
}

init {
	atomic {
		run Watcher();
		run Consumer(0);
		run Consumer(1)
	}
	finished == 2;
	assert(entry[0] == NEWEST(0) && entry[1] == NEWEST(1));  /* 3 */
	assert(total == AMOUNT(0, 2) + AMOUNT(1, 1))
}

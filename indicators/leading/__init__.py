"""Does a leading indicator exist? Three questions, three procedures, one verdict (METHODS 3k).

panel     T1  does x lead deals within partners? decides for activities
pipeline      what of x the entries under way let expect: visits go to what is far along
backtest  T2  does x forecast deals beyond what deals and season say already? grades milestones, which lead by construction
describe  T3  how the two series of the whole move: shown, never decisive
verdicts      what follows, with one plain sentence each
"""

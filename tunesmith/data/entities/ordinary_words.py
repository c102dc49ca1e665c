"""English words that a capital letter does not make a name.

Written by hand from the words that customer messages, instructions and their answers use: a word
belongs here if, capitalised inside a sentence, it is still more likely emphasis or a title than a
name. Inflected forms are reached by `is_ordinary`. Common words that are also the names of people
stand in `ALSO_NAMES`: capitalised inside a sentence they are names.
"""

FUNCTION = frozenset(
    """
a about above across after afterwards again against ago ahead aka alas albeit all almost alone
along already alright also although altogether always am amid among amongst an and another any
anybody anyhow anyone anything anytime anyway anyways anywhere apart are aren around as asap aside
at attn aw away aww back barely bcc be became because become been before beforehand behind being
below beneath beside besides best better between beyond billion both but by bye ca can cannot cant
cc certain cheers come congrats congratulations could couldn dear despite did didn diy do does
doesn doing don done dont down dozen dr due during each eight eighteen eighth eighty either eleven
else elsewhere enough especially et eta etc even eventually ever every everybody everyone
everything everywhere ex except extra faithfully faq faqs far few fewer fifteen fifth fifty first
firstly five for former formerly forth forty four fourteen fourth from further furthermore fw fwd
fyi gave get gets getting give given go goes going gone gonna good goodbye got gotcha greetings ha
had hadn haha half has hasn have haven having he hello hence her here hereby herein hers herself
hey hi him himself his hiya hm hmm hooray how however huh hundred hurray i id ie if ill im in
indeed inside instead into is isn it its itself ive just keep kind last lastly late later latter
least less lest let lets like likewise little ll lol lot lots maam madam made mainly make mam many
may maybe me mean meanwhile might mightn million mine miss more moreover most mostly mr mrs ms
much must mustn mx my myself namely nb near nearly need needn neither never nevertheless new next
nil nine nineteen ninety ninth no nobody non none nonetheless nope nor not nothing now nowhere of
off often oh ok okay old omg on once one only onto ooh oops or other others otherwise ouch ought
our ours ourselves out outside over overall own per perhaps please plenty plus pm pre pro prof ps
put quite rather re really regardless regards respectfully respectively right rsvp sadly said same
saw say second see seen self seven seventeen seventh seventy several shall shan she should shouldn
simply since sincerely sir six sixteen sixth sixty so some somebody somehow someone something
sometime sometimes somewhat somewhere soon sorry still such sure surely take tba tbc tbd ten tenth
than thank thanks that thats the their theirs them themselves then thence there thereafter thereby
therefore therein these they thing things third thirteen thirty this thorough those though
thousand three through throughout thru thus till to together too took toward towards true try
twelve twenty twice two ugh uh um under underneath unless unlike unlikely until unto up upon us
use used usually various ve versus very via vs was wasn way we welcome well went were weren what
whatever when whence whenever where whereas whereby wherever whether which whichever while whilst
who whoa whoever whole whom whose why wo won wont would wouldn wow www yay yeah yep yes yet yikes
you youll your youre yours yourself yourselves youve yup zero
""".split()
)

CALENDAR = frozenset(
    """
afternoon am apr april aug august bst cest cet dec december edt est evening feb february fri
friday gmt jan january jul july jun june mar march may midday midnight mon monday morning night
noon nov november oct october pdt pst sat saturday sep sept september sun sunday thu thur thurs
thursday today tomorrow tonight tue tues tuesday utc wed wednesday weekday weekend yesterday
""".split()
)

ORDINARY = frozenset(
    """
ability able abroad absence absolute abstract ac academic accept access accident accord account
accuracy accurate accuse achieve acid acknowledge acquire act action active actual ad adapt
adapter add addition address adequate adjust admin administrator admit adopt adult advance
advantage advert advice advise affair affect afford afraid age agency agenda agent agree ai aid
aim air alarm album alcohol alert alike alive allergy allow alternate alternative amaze amend
amount analyse analysis analyze ancient angle angry animal announce annoy annual answer antenna
anticipate anxious apartment api apis apologise apologize apology app apparent appeal appear
appliance application apply appoint appointment appreciate approach appropriate approval approve
approx approximate area argue argument arise arm arrange arrival arrive arrow art article
artificial ask aspect assemble assess asset assign assist assistant associate assume assure atm
attach attack attempt attend attention attic attitude attract audience audio author authority auto
automatic available average avg avoid await award aware awesome awful baby background backup bad
badge bag baggage bake balance ball ban band bank banking bar bargain barrel base baseline basic
basis basket bath bathroom battery battle bbq beach beam bean bear beat beautiful bed bedroom bee
beef beer beginner behave behavior behaviour belief believe bell belong belt bench benefit
beverage bic bid big bike billing bin biology bird birth birthday bit bite bitter blame blank
blanket blend blender block blog blood blouse blow board boat body boil bold bolt bone bonus book
booking boot border borrow boss bottle bottom bounce bound bowl box boy bracket brain brake branch
brand bread break breakfast breath breathe breed brew bridge brief bright brilliant bring broad
broadband broken brother browser brush btw bubble bucket budget bug build builder bulb bulk bullet
bundle burn bus bush business busy butter button buy buyer cabin cabinet cable cafe caffeine cake
calculate calculator calendar calm camera camp campaign cancel cancellation candidate candy cap
capable capacity capital capture car caramel carbon card care career careful cargo carpet carrier
carry cart cartridge case cash cast casual cat catalog catalogue catch category cause cd ceiling
celebrate cell center central centre century ceo cereal ceremony certificate cfo chain chair
challenge chamber change channel chapter character charge charger chart chat cheap cheat check
checklist checkout cheese chemical chest chicken chief child children chocolate choice choose
chunk church cigarette cinema circle circuit circumstance cite citizen city civil claim
clarification clarify class classic classify clause clean clear clerk clever click client climate
climb clinic clip clock close cloth clothe clothes club clue co coach coast coat cocoa cod code
coffee cold collapse collar collect collection college color colour column comb combine comfort
command comment commerce commission commit committee common communicate community commute company
compare compartment compatible compensate compensation compete competitor complain complaint
complete complex complicate comply component compose compound comprise compromise compute computer
concentrate concept concern conclude conclusion concrete condition conduct conference confidence
confirm conflict confuse connect connector consent consequence conserve consider consist console
constant construct consult consultant consume contact contain container content contest context
continent continue contract contrast contribute control convenient convention conversation convert
convince cookie cool cooler coordinate cope copy cord core corn corner corp corporate correct cost
cottage cotton council count counter country county coupon courage courier course court courtesy
cousin cover coverage cow cpu crack craft crash crazy cream create creature credential credit crew
crime crisp criteria critic critical crm crop cross crowd crucial cruise cry css csv cto cuisine
culture cup cupboard cure curious currency current curtain curve custom customer customize cut
cutoff cvv cycle dad daily dairy damage dance danger dark dash dashboard data database date
daughter day dc dead deadline deal dealer death debate debit debt decade decaf decaffeinated
decent decide decision deck declare decline decor decorate decrease dedicate deduct deep default
defeat defect defence defend defense define definite degree delay delegate delete deliberate
delicate delicious delight deliver delivery demand demo demonstrate density dental deny depart
department depend deposit dept depth describe description desert deserve design designer desire
desk desktop despatch dessert destination destroy detail detect detergent determine develop
developer device diagnose diagnostic diagram dial dialogue diet differ difference different
difficult dig digit digital dinner direct dirty disable disagree disappear disappoint disc discard
disconnect discount discover discuss disease dish dishwasher disk dispatch display dispose dispute
distance distinct distribute district disturb divide dns dock doctor document dog dollar domain
domestic donate donation door dose dot double doubt download downtime draft drag drain drama
dramatic draw drawer dream dress drift drill drink drive driver drizzle drop drum dry duck
duplicate durable dust duty dvd dynamic eager ear early earn earth ease east easy eat ecommerce
economy edge edit edition editor educate education effect efficient effort egg elaborate elderly
elect electric electrical electricity electronic electronics element eligible eliminate email
embed emergency emit emotion emphasise emphasize employ employee employer empty enable enclose
encounter encourage encrypt end energy engage engine engineer engineering enhance enjoy enlarge
enquire enquiry enrol enroll ensure enter enterprise entertain entire entrance entry envelope
environment equal equip equipment equivalent erp error escalate escape espresso essay essential
establish estate estimate ethic eu evaluate event evidence exact exam examine example exceed
excellent exception excess exchange excite excl exclude exclusive excuse execute executive
exercise exhaust exist exit expand expect expedite expense expensive experience experiment expert
expire expiry explain explore export expose express ext extend extension extent external extreme
eye fabric face facility fact factor factory fail failure faint fair fall false familiar family
famous fan fancy fantastic fare farm farmer fashion fast fat father fault favor favorite favour
favourite fear feature federal fee feed feedback feel fellow female fence fetch fi fiber fibre
fiction field fight figure file fill filter final finance financial find fine finger finish fire
firm firmware fish fit fix flag flame flat flavor flavour flaw fleet flexible flight flip float
flood floor flour flow flower fluid fly fm foam focus fold folder folk follow food foot football
force forecast foreign forever forget forgive fork form formal format formula fortunate fortune
forum forward foundation founder frame framework fraud free freedom freeze freezer freight
frequent fresh fridge friend friendly front frost fruit frustrate fry fuel fulfil fulfill full
fully fun function fund funny furniture fuse future gadget gain gallery game garage garden garlic
garment gas gate gather gauge gb gear general generate generic generous gentle gentleman gentlemen
gesture giant gift girl glad glass global glove glue gmbh goal gold golden golf goods goodwill
govern government gps gpu grab grade gradual graduate grain gram grandfather grandma grandmother
grandpa grandparent graph graphic grass grateful great greet grind grip grocery gross ground group
grow growth gst guarantee guard guess guest guidance guide guideline guitar gym habit hair hall
hand handle handy hang happen hard hardware harm hash hat hate hazard hd hdd hdmi head headline
headphone headset health healthy hear heart heat heater heavy height help helpdesk helpful
helpline herbal hesitate hide high highlight highway hike hint hire history hit hoa hobby hold
hole holiday home homepage homework honest honor honour hook horrible horse hospital host hot
hotel hotline hour house household housing hover hr html http https huge human humble humid hurry
hurt husband hybrid hygiene iban ice iced icon idea ideal identical identify identity idk idle ids
ignore illegal illness image imagine imho immediate imo impact implement import important
impossible impress improve inbox inc incentive inch incident incl include income incoming
incomplete inconvenience incorrect increase incredible independent index indicate indicator
individual indoor industry infant infection inform information ingredient initial initiate injury
ink inner innovate input inquire inquiry insert insight insist inspect inspire install installment
instance instant instruct instrument insurance insure intake integrate integrity intelligence
intelligent intend intense interact interest interested interface interfere interior intermediate
internal international internet interpret interrupt interval interview introduce introduction
invalid invent inventory invest investigate investor invitation invite invoice involve ip iron
irregular island isolate isp issue item itinerary jacket jam jar jeans job join joke journal
journey json judge juice jump junior justice kb keen kettle key keyboard keyword kick kid kill
kilo kilometer kilometre kit kitchen kitten knee knife knock knot know knowledge known kpi lab
label labor labour lack ladder ladies lady lamp lan land landlord language laptop large laser
latest latte laugh launch laundry law lawn lawsuit lawyer lay layer layout lcd lead leader leaf
leaflet leak lean learn lease leather leave lecture led left leg legal legend leisure lemon lend
length lens lesson letter level liable library licence license lid lie life lifetime lift light
lightning likely limit limited line link lip liquid list listen liter literature litre live llc
load loan lobby local locate location lock log login logo logout lonely long look loop loose lorry
lose loss lost loud lounge love lovely low lower loyal loyalty ltd luck lucky luggage lunch lung
luxury machine macro magazine magic magnet mail mailbox main maintain maintenance majority male
mall man manage management manager mandatory manual manufacture manufacturer map margin marine
market marketing marriage married marry mask mass massive master match mate material math
mathematics matter mattress mature max maximum mb meal meaningful measure meat mechanic mechanism
media medical medication medicine medium meet member membership memory men mental mention menu
merchandise merchant merge merry mess message messenger metal meter method metre metric mfa
microfoam microphone microwave mid middle migrate mild mile military milk min mind mini minimal
minimum minor minority mint minus minute mirror misc misplace missing mistake mix mixer mixture ml
mms mobile mode model modem moderate modern modify module mom moment mommy money monitor month
mood moral mortgage mother motion motivate motor motorcycle mount mountain mouse mouth move
movement movie mug multi multiple multiply mum muscle museum mushroom music musical mutual mystery
nail name narrow nation national native natural nature neat necessary neck negative negotiate
neighbor neighborhood neighbour nerve nervous net network neutral newborn news newsletter
newspaper nice nightmare noise normal north northern nose note notebook notice notification notify
novel np nr nuclear number numerous nurse nut nutrition oat obey object objective obligation
oblige observe obstacle obtain obvious occasion occasional occupy occur ocean odd offer office
officer official offline oil older omit ongoing onion online onward open operate operation
operator opinion opponent opportunity oppose opposite opt optimal optimise optimize option
optional order ordinary organ organic organisation organise organization organize orient origin
original os otp outage outcome outdated outdoor outgoing outlet outline output outstanding oven
overcharge overdue overnight overview owe owner oxygen pace pack package packet pad pain paint
pair palace pan panel panic pant pants paper paperwork parallel parameter parcel pardon parent
park parking part participant participate particular partner party pass passage passenger passion
passport password past paste pastry patch path patient pattern pause pay payment payroll pc pcs
pdf peace peak pen penalty pencil pension people pepper percent percentage perfect perform
performance perfume period permanent permission permit person personal personality personnel
perspective persuade pet petrol pharmacy phase phone photo photograph photography phrase physical
physics piano pick pickup picture pie piece pill pillow pilot pin pink pipe pitch pixel pizza
place plain plan plane planet plant plastic plate platform play player plc pleasant pleased
pleasure plot pls plug plumber plz pocket poem poet poetry point poison police policy polite
political politics poll pollution pool poor pop popular population porch port portable portal
portion portrait pose positive possess possession possible post postage postal postcard poster
postpone pot potato potential pound pour powder power pr practical practice praise pray prayer
precaution precise predict prefer preference pregnant preliminary premium prepaid preparation
prepare presence present president press pressure presume pretend pretty prevent preview previous
pricing pride primary prime principal principle print printer prior priority privacy private prize
probable problem procedure proceed process processor produce producer product production
profession professional professor profile profit program programme progress prohibit project
promise promo promote promotion prompt proof proper property proportion proposal propose protect
protection protein protest protocol proud prove provide provider province provision public
publication publish pull pump punctual punish pupil puppy purchase pure purple purpose purse push
puzzle qr qty qualify quality quantity quarter quarterly query question queue quick quiet quit
quiz quota quotation quote race rack radio rail railway rain raise ram ramp random range rank
rapid rare rate ratio raw razor reach react reader ready real realise reality realize reason
reasonable reassure rebate reboot recall receipt receive recent reception recharge recipe
recipient reckon recognise recognize recommend recommendation reconnect record recover recruit
rectify recycle redeem redirect reduce ref refer reference refill reflect reform refresh
refrigerator refund refuse regard regime region regional register registration regret regular
regulate reimburse reinstall reject relate relation relationship relative relax relay release
relevant reliable relief relieve religion reluctant rely remain remark remarkable remedy remember
remind reminder remote removal remove renew renewal rent rental reopen reorder repair repay repeat
replace replacement reply report represent representative reprint reproduce reputation request
require rescue research resend reservation reserve reset reside residence resident residential
resign resist resolution resolve resort resource respect respond response responsible rest restart
restaurant restock restore restrict result resume retail retailer retain retire retrieve retry
return reuse reveal revenue reverse review revise revolution reward rewire rgb rhythm ride ring
rinse ripe rise risk river rma road roast robot robotic rock roi role roll roller rom romantic
roof room root rope rotate rough round route router routine row royal rub rubber rude rug ruin
rule run rural rush safe safety sail sake salad salary sale sales salesperson salt sample sand
sandwich satellite satisfied satisfy sauce save saving savings scale scan scanner scared scary
scene schedule scheme scholar school science scientific scientist scope score scratch scream
screen screenshot screw script scroll sdk sea seal search season seat secret secretary section
sector secure security seed seek seem segment select selection sell seller semester semi send
sender senior sense sensible sensitive sensor sentence separate sequence serial series serious
serve server service session set setback setting settle setup severe sew shade shadow shake shame
shape share sharp shed sheet shelf shelter shift shine ship shipment shipping shirt shock shoe
shoot shop shopper shopping short shot shoulder shout show shower shut shutdown shuttle sick side
sight sign signal signature significant silence silent silk silly sim similar simple simulate sing
singer single sink sister site situate situation size skill skin skirt sku sleep sleeve slice
slide slight slim slip slot slow small smart smartphone smell smile smoke smooth sms snack snow
soak soap soccer social society sock sofa soft software soil solar soldier sole solid solution
solve son song sort soul sound soup source south southern space spam spare speak speaker special
specialist specific specification specify spectrum speech speed spell spend spice spill spin
spirit split spoil spoken sponsor spoon sport spot spray spread spring square ssd ssn sso stable
stack staff stage stain stair stamp stand standard star start startup state statement station
statistic status stay steak steal steam steel steep steer stem step stick sticker sticky stir
stock stomach stop storage store story straight strange stranger strap strategy straw stream
street strength stress stretch strict strike string strip stroke strong structure struggle student
studio study stuff stupid style subject submit subscribe subscriber subscription substance
substitute subtle subtotal subtract suburb succeed success successful sudden suffer sufficient
sugar suggest suggestion suit suitable suitcase sum summary super supervise supervisor supplement
supplier supply support suppose suppress supreme surface surgery surprise surround survey survive
suspect suspend sustain swallow swap sweater sweep sweet sweetener swim swimming switch symbol
sympathy symptom sync syrup system tab table tablet tackle tag tail tailor talent talk tall tank
tap tape task taste tax taxi tb tbh tea teach teacher team tear tech technical technician
technique technology teenager tel telephone television tell temperature temporary tenant tend
tender tennis tent term terminal terminate terms terrible terrific test text textbook thankful
theater theatre theft theme theory thermal thermostat thick thief thin think thirsty thought
thread threat threaten throw thx ticket tidy tie tight tile time timeline timer timing tin tiny
tip tire tired tissue title toast toaster toe toilet token tolerance tomato tone tongue tool
toolbar tooth toothbrush top topic torch total touch tough tour tourism tourist towel tower town
toy trace track tracker tracking trade tradition traditional traffic trail train trainer training
transaction transcript transfer transform transit translate transmit transparent transport trap
trash travel traveler traveller tray treat treatment tree trend trial triangle trick trigger trim
trolley trouble troubleshoot trousers truck truly trunk trust truth tube tune turn tutor tutorial
tv twin twist ty type typical tyre ugly uhd ui uk ultimate umbrella un unable unauthorized
unavailable uncle understand understandable undo unexpected unfortunate unhappy uniform uninstall
unique unit unite universal universe university unknown unlimited unlock unpack unpaid unplug
unread unsubscribe unsure unused unusual unwanted upcoming update upgrade upload upper upset
upstairs urban urge urgent url urls usa usage usb user username usual utility ux vacant vacation
vaccine vacuum valid validate valley valuable value valve vanilla variable variant variety vary
vast vat vegan vegetable vegetarian vehicle vendor ventilate venture venue verbal verification
verify version vertical vessel vet victim victory video view village violent virtual virus visible
vision visit visitor visual vital vitamin vocabulary voice voicemail volume voluntary volunteer
vote voucher vpn wage wait waiter wake walk wall wallet want war wardrobe warehouse warm warn
warning warrant warranty wash washer waste watch water wave weak wealth weapon wear weather web
webinar webpage website wedding weed week weekly weigh weight weird welfare west western wet wfh
wheel whistle wholesale wi wide widget width wife wifi wild win wind window wine wing winner wipe
wire wireless wise wish withdraw withdrawal witness wizard woman women wonder wonderful wooden
wool word work worker workflow workforce workout workplace workshop workspace world worldwide
worry worse worst worth worthwhile wound wrap wrist write writer wrong xl xml xs xxl yard year
yell yield yoga youngster youth yw zip zone
""".split()
)

ALSO_NAMES = frozenset(
    """
amazon amber android angel apple archer ash autumn bay bill black blue brook brooks brown buck bud
buddy carol carter chance chase cherry chip christian chuck clay cliff cole colt cook cooper
corona crystal daisy dale dawn dean dell delta destiny dick dolly don dove drew duke earl eve
faith fisher ford forest fox frank gap gene ginger glen grace grant gray green grey guy hank happy
harry hazel heath heather holly honey hope hunter iris ivy jack jasmine jay jean jewel jimmy john
joy king lance lane lark lily lord lynn major mark marks marsh mason mercy meta mike miles miller
misty norm olive oracle orange page paige pansy parker pat patience patty pearl peg penny perry
peter pierce piper poppy porter price prince queen randy ray read red reed rich rob robin rocky
rod roman rose rosemary rowan ruby rusty sage sally sandy scarlet shell shepherd skip sky slack
smith sprint sterling stone storm sue summer sunny target taylor teams terry tide tiffany tony
trip turner van victor violet virgin visa wade walker ward warren wayne white will willow winter
wood woods young zoom
""".split()
)

_ENDINGS = (
    ("ies", "y"), ("ied", "y"), ("es", ""), ("s", ""), ("ed", ""), ("ed", "e"), ("d", ""),
    ("ing", ""), ("ing", "e"), ("ly", ""), ("ily", "y"), ("er", ""), ("er", "e"), ("ation", "e"),
    ("ion", ""), ("ion", "e"), ("ment", ""), ("ness", ""), ("able", ""), ("able", "e"),
    ("ful", ""), ("less", ""), ("al", ""),
)  # fmt: skip


def is_ordinary(word: str) -> bool:
    """Whether a folded word, or the word that it is formed from, is an ordinary one.

    `ALSO_NAMES` and words formed from them are not: the caller decides by their place.
    """
    if word in ALSO_NAMES:
        return False
    if word in FUNCTION or word in CALENDAR or word in ORDINARY:
        return True
    for ending, put_back in _ENDINGS:
        if len(word) > len(ending) + 2 and word.endswith(ending):
            stem = word[: -len(ending)]
            if stem + put_back in ORDINARY:
                return True
            if len(stem) > 3 and stem[-1] == stem[-2] and stem[:-1] in ORDINARY:
                return True
    return word[:2] in ("un", "re") and len(word) > 5 and word[2:] in ORDINARY

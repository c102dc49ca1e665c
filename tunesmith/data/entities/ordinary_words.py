"""English words that a capital letter does not make a name.

Written by hand from the words that customer messages, instructions and their answers use: a word
belongs here if, capitalised inside a sentence, it is still more likely emphasis or a title than a
name. Inflected forms are reached by `is_ordinary`. Common words that people, brands and items on a
menu also go by stand in `ALSO_NAMES`: capitalised inside a sentence they are names.
"""

import re

_FUNCTION = """
a about above accidentally across additional additionally after afterwards again against ago ah aha
ahead ahem ahh ahoy aka alas albeit all almost alone along alongside already alright alrighty also
although altogether always am amid among amongst an and another any anybody anyhow anymore anyone
anything anytime anyway anyways anywhere apart are aren arent around as asap aside at ate attn
automatically aw away aww aye back barely bcc be became because become been before beforehand began
begin beginning begun behind being below beneath beside besides best better between beyond bigger
biggest billion born both bought brighter broke broken brought busier but by bye ca called came can
cannot cant caught cc certain cheaper cheers chose chosen cleaner clearer closer closest come comes
congrats congratulations cooler could couldn couldnt currently darker dear deeper despite did didn
didnt died diy do does doesn doesnt doing dokey done dont down dozen dr drank drawn drove due
during each earlier easier eaten eek effectively eight eighteen eighth eighty either eleven else
elsewhere enough especially et eta etc even eventually ever every everybody everyone everything
everywhere ex except extra faithfully faq faqs far farther faster fastest fed fell felt few fewer
fifteen fifth fifty finer first firstly five flew flies for forgot forgotten former formerly forth
forty found four fourteen fourth freer from fuller further furthermore fw fwd fyi gave geez gently
get gets getting give given go goes going gone gonna good goodbye gosh got gotcha gotten greater
greatest greetings grew grown ha had hadn haha half happier harder has hasn have haven havent
having he healthier heard heavier held hello hence her here hereby herein hers herself hey hi
hidden higher highest him himself his hiya hm hmm hmmm hooray how however huh hundred hurray i id
ie if ill im in indeed inside instead into is isn isnt it its itself ive just keep keeps kept kind
knew knives laid larger largest last lastly late later latter least led left less lest let lets
lighter like likewise literally little ll lol longer longest looser lost lot lots louder lower
lowest maam madam made mainly make makes making mam many may maybe me mean means meanwhile met mice
might mightn million mine miss mm mmm more moreover most mostly mr mrs ms much must mustn mx my
myself namely narrower nb near nearest nearly need needn neither never nevertheless new newer next
nicer nil nine nineteen ninety ninth no nobody non none nonetheless nope nor not nothing now
nowhere of off often oh ohh ok okay okey old oldest omg on once one ones only onto onwards ooh oops
or other others otherwise ouch ought our ours ourselves out outside over overall own owns paid
particularly pending per perhaps phew please plenty plus pm poorer possibly pre previously pro prof
ps put puts putting quicker quieter quite ran rather re reading ready really regardless regards
respectfully respectively richer rid right rode rsvp sadly safer said same sat saw say saying says
second see seeing seemingly seen sees self sent seven seventeen seventh seventy several shall shan
sharper she sheesh shelves shorter shortest should shouldn shouldnt shown simpler simply
simultaneously since sincerely sir sit sits sitting six sixteen sixth sixty slower smaller smallest
smoother so softer sold some somebody somehow someone something sometime sometimes somewhat
somewhere soon sorry sought spent steadier still stole stolen stood stronger stuck such sure surely
swam take taken taking taller tallest taught tba tbc tbd teeth ten tenth than thank thanks that
thats the their theirs them themselves then thence there thereafter thereby therefore therein these
they thicker thing things thinner third thirteen thirty this thorough those though thought thousand
three threw thrice through throughout thrown thru thus thy tighter till tis to together told too
took toward towards tried true try trying twelve twenty twice two ugh uh uhh uhm um umm under
underneath understood unless unlike unlikely until unto up upon us use used uses using usually
various ve versus very via vs warmer was wasn wasnt way we weaker welcome well went were weren
werent what whatever when whence whenever where whereas whereby wherever whether which whichever
while whilst who whoa whoever whole whom whose why wider with within without wo won wont wore worn
would wouldn wouldnt wow written wrote www yay yeah yep yes yet yikes yon you youll youngest your
youre yours yourself yourselves youve yup zero
"""
_CALENDAR = """
afternoon am apr april aug august bst cest cet dec december edt est evening feb february fri
friday gmt jan january jul july jun june mar march may midday midnight mon monday morning night
noon nov november oct october pdt pst sat saturday sep sept september sun sunday thu thur thurs
thursday today tomorrow tonight tue tues tuesday utc wed wednesday weekday weekend yesterday
"""
_ORDINARY = """
ability able aboard abroad absence absent absolute abstract ac academic accent accept access
accessible accessory accident accommodate accomplish accomplishment accord account accuracy
accurate accuse achieve achievement acid acknowledge acknowledgement acquire acre act action
activate active activity actual ad adapt adaptable adaptation adapter add addition address
adequate adhere adjust admin administrator admission admit adopt adult advance advantage adventure
advert advertise advice advise advisor advocate affair affect afford afraid age agency agenda
agent agree agriculture ai aid aim air airline airplane aisle alarm album alcohol alert algorithm
alike alive allergy alliance allied allocate allow allowance alternate alternative altitude amaze
ambition ambulance amend amidst amount ample amusement analyse analysis analyze ancestor ancient
angle angry animal ankle announce annoy annual answer antenna antibiotic anticipate anxiety
anxious apartment api apis apologise apologize apology app apparatus apparent appeal appear
appearance appetite appliance application apply appoint appointment appreciate apprentice approach
appropriate approval approve approx approximate aquarium architect architecture area arena argue
argument arise arithmetic arm army arrange array arrest arrival arrive arrogant arrow article
artifact artificial artist artistic ask aspect assemble assess asset assign assist assistance
assistant associate assume assure astronaut athlete atm atmosphere atomic attach attack attempt
attend attendee attention attic attitude attract attraction auction audience audio aunt author
authority auto automatic available average avg aviation avoid await awake award aware awe awesome
awful awkward baby background backpack backup bacteria bad badge bag baggage bake bakery baking
balance balcony ball balloon ban band bandage bank banking bar bargain barrel barrier base
baseball baseline basement basic basil basis basket basketball bat batch bath bathroom battery
battle bbq beach bead beam bean beard beat beautiful beauty bed bedroom bee beef beer beginner
behave behavior behaviour belief believe belong belt bench beneficial benefit beverage beware bic
bicycle bid big bike billing bin biology bird birth birthday biscuit bit bite bitter blame blank
blanket blast blend blender blessing blind block blog blood bloom blouse blow board boat body boil
bold bolt bomb bonds bone bonus book booking bookshelf bookstore boot border boring borrow boss
botanical botanist bother bottle bottom bounce bound boundary bow bowl box boy brace bracelet
bracket brain brake branch brand brave bread break breakfast breakthrough breath breathe breed
brew brick bride bridge brief bright brilliant bring broad broadband broccoli broom brother
browser bruise brush btw bubble bucket budget bug build builder buildings bulb bulk bullet bunch
bundle bunny burn bus business busy butcher butter button buy buyer cabin cabinet cable cafe
cafeteria caffeine cage cake calculate calculation calculator calendar calf call calm calorie
camera camp campaign canal cancel cancellation candidate candle candy cannon canvas cap capability
capable capacity capital captain capture car carbohydrate carbon card care career careful
caretaker cargo carnival carpet carriage carrier carrot carry cart cartoon cartridge carve case
cash cashier cast casual cat catalog catalogue catch category cattle cause cautious cave cd
ceiling celebrate celebrity cell cent center centimeter central centre century ceo ceramic cereal
ceremony certificate cfo chain chair chalk challenge chamber champion championship change channel
chant chaos chaotic chapter character characteristic charge charger charity charm chart chat cheap
cheat check checklist checkout cheese chef chemical cheque chess chest chicken chief child
children chimney chin choice choir choose chore chronic chunk church cigar cigarette cinema circle
circuit circumference circumstance cite citizen city civic civil civilization claim clap
clarification clarify class classic classify classmate classroom clause clean clear clerk clever
click client climate climb clinic clip cloak clock close cloth clothe clothes cloud clown club
clue cluster cm co coach coal coast coat cod code coffee cognitive coin cold collaborate collapse
collar colleague collect collection collective college colony color colour column comb combine
comedy comfort comic command comment commerce commercial commission commit committee common
communal communicate community commute compact companion company compare compartment compassion
compatible compelling compensate compensation compete competition competitor compile complain
complaint complete complex complexity complicate comply component compose composition compound
compress comprise compromise compute computer concentrate concept concern concert conclude
conclusion concrete condense condition conduct cone conference confidence confirm conflict confuse
congress connect connection connector conquer cons conscious consciousness consent consequence
conserve consider consist consistent console constant construct consult consultant consume contact
contain container contemporary content contest context continent continue continuous contract
contrary contrast contribute contribution control convenient convention conversation conversion
convert convey convict convince cooked cooking cool cooperation coordinate cope copy coral cord
core corn corner corp corporate correct corridor cosmetic cosmic cost costume cottage cotton couch
cough council counsel count counter country county coupon courage courier course court courtesy
cousin cover coverage cow coworker cpu crab crack craft craftsman crash crater crayon crazy cream
create creation creative creativity creator creature credential credit crew cricket crime crisis
crisp criteria critic critical crm crop cross crowd crucial cruise crumb cry css csv cto cube
cucumber cuisine culinary cultivate cultural culture cup cupboard cure curiosity curious currency
current curry curtain curve cushion custom customer customize cut cute cutoff cvv cyber
cybersecurity cycle dab dad daily dairy damage dance danger dark dash dashboard data database date
daughter day dc deactivate dead deadline deal dealer dearest death debate debit debt decade decaf
decaffeinated decent decide decimal decision deck declare decline decor decorate decrease dedicate
deduct deep deer default defeat defect defence defend defense define definite degree delay
delegate delete deliberate delicate delicious delight deliver delivery demand demo democracy
democratic demonstrate density dental deny depart department depend dependence deposit depression
dept depth derivative describe description desert deserve design designer desire desk desktop
despatch desperate dessert destination destroy detail detect detergent determination determine
devastate develop developer development device devil dew diagnose diagnostic diagram dial dialect
dialogue diary dice dictionary diesel diet differ difference different difficult dig digit digital
dignity dilemma dim dime dimension diminish dinner dinosaur diploma diplomatic direct directory
dirty disable disadvantage disagree disappear disappoint disaster disc discard discipline
disconnect discount discover discovery discuss disease disguise disgust dish dishonest dishwasher
disk dismiss disorder dispatch display dispose dispute disrupt dissolve distance distant distinct
distinguish distract distribute district disturb diverse diversity divide divine divorce dns dock
doctor document documentary documentation dog doll dollar domain dome domestic dominate donate
donation donkey door doorbell dose dot double doubt dough doughnut download downtime draft drag
drain drama dramatic draw drawback drawer drawing dream dress drift drill drink drive driver
drizzle drop drought drown drug drum dry duck dumb duplicate durable duration dusk dust duty dvd
dwarf dwell dye dynamic dynamics eager ear early earn earning earnings earth earthquake ease east
easy eat eclipse eco ecommerce economic economy ecosystem edge edit edition editor editorial
educate education effect efficiency efficient effort egg elaborate elastic elbow elder elderly
elect electric electrical electricity electronic electronics elegant element elevate elevator
eligible eliminate email embarrass embed embrace emerge emergency emission emit emotion empathy
emperor emphasise emphasize employ employee employer empty enable enchant enclose encounter
encourage encrypt encyclopedia end endless endurance enemy energy engage engine engineer
engineering enhance enjoy enlarge enormous enquire enquiry enrol enroll ensure enter enterprise
entertain enthusiasm entire entrance entry envelope environment episode equal equality equation
equip equipment equivalent era erase erosion erp error erupt escalate escape essay essence
essential establish estate estimate eternal ethic ethical etiquette eu evaluate event evidence
evil evolution evolve exact exam examine example excavate exceed excellent exception excess
exchange excite excl exclude exclusive excuse execute executive exercise exhaust exhibit
exhibition exile exist existence exit exotic expand expansion expect expectation expedite
expedition expense expensive experience experiment expert expertise expire expiry explain
explanation exploit explore explosion export expose express expression ext extend extension
extensive extent external extinct extract extraordinary extreme eye fabric fabulous face facility
fact factor factory fade fail failure faint fair fall false fame familiar family famous fan fancy
fantastic fantasy fare farm farmer fascinate fashion fast fat fatal fate father fatigue fault
fauna favor favorite favour favourite fear feather feature federal federation fee feed feedback
feel feeling feet fellow female feminine fence fertile festival fetch fever fi fiber fibre fiction
fiddle field fierce fiery fight figure file fill filter final finance financial find finding fine
finger finish fire firefighter fireplace firework firm firmware fish fist fit fitness fix flag
flame flash flashlight flat flavor flavour flaw flea fleet flexibility flexible flight flip float
flock flood floor flora flour flow flower flu fluent fluid flute fly fm foam focus fog fold folder
folk folklore follow follower food foolish foot footage football force forecast forehead foreign
foremost forever forge forget forgive fork form formal format formation formula fortunate fortune
forum forward fossil foster foundation founder fraction fragile fragrance frame framework fraud
free freedom freeze freezer freight frequent fresh freshman fridge friend friendly friendship
fries frog front frontier frost frown frozen fruit frustrate fry frying ft fuel fulfil fulfill
full fully fun function fund fundamental fundraiser funeral funny fur furious furniture fuse
fusion future gadget gain gallery gallon game garage garbage garden gardener garland garment gas
gasoline gate gather gauge gb gear gender general generate generation generic generous genetic
genius genre gentle gentleman gentlemen genuine geography gesture ghost giant gift girl glad
glance glass glimpse global globe gloomy glory glove glow glucose glue gmbh goal goat god golden
golf goods goodwill goose gorgeous gossip govern government governor gps gpu grab grade gradual
graduate grain gram grammar grand grandchild grandchildren granddaughter grandfather grandma
grandmother grandpa grandparent grandson graph graphic graphics grass grateful grave gravity great
greed greenhouse greet grid grief grind grip grocer grocery groom gross ground groundbreaking
group grow growth gst guarantee guard guess guest guidance guide guideline guilty guitar guitarist
gulf gum gun gym habit habitat hair halfway halve ham hamburger hammer hamster hand handcraft
handkerchief handle handmade handwriting handy hang happen hard hardware harm harmonious harmony
harness harsh harvest hash haste hat hate haunt hay hazard hd hdd hdmi head headache headline
headphone headset heal healing health healthcare healthy heap hear heart heat heater heaven heavy
hedge heel height helicopter hell helmet help helpdesk helpful helpline hen herb herbal herd
heritage hero heroic hesitate hide high highland highlight highway hike hill hint hire historian
historic historical history hit hoa hobby hockey hold hole holiday home homeowner homepage
homework honest honor honour hood hook horn horrible horror horse hospital hospitality host
hostile hot hotdog hotel hotline hour house household housing hover hr html http https huge human
humanity humble humid humidity humor humour hunger hungry hunt hurry hurt husband hybrid hydrogen
hygiene hypothesis iban ice iceberg iced icon icy idea ideal identical identify identity idk idle
ids ignore illegal illness illusion illustrate image imagination imagine imho immediate immigrant
immune imo impact implement implication imply import importance important impossible impress
impression improve inbox inc incentive inch incident incl include income incoming incomplete
inconvenience incorporate incorrect increase incredible independent index indicate indicator
individual indoor industry inequality infant infection infer infinite inflation influence inform
information infrastructure ingenious ingredient inhabit inhabitant inherit initial initiate injury
ink inn inner innocent innovate innovation innovative input inquire inquiry insect insert insight
insist inspect inspiration inspire install installment instance instant instinct institute
institution instruct instruction instrument insulation insurance insure intake integer integral
integrate integrity intellectual intelligence intelligent intend intense intention interact
interaction interest interested interface interfere interior intermediate internal international
internet interpret interrupt intersection interval interview intimate intricate introduce
introduction invalid invasion invent invention inventor inventory invest investigate investment
investor invitation invite invoice involve ip iron irony irregular irrigation island isolate isp
issue item itinerary ivory jacket jam jar jaw jazz jealous jeans jelly jellyfish jewelry job jog
join joint joke journal journalist journey json judge juice jump jungle junior jury justice kayak
kb keen kettle key keyboard keyword kg kick kid kill kilo kilogram kilometer kilometre kindness
kitchen kite kitten km knee kneel knife knit knock knot know knowledge known kpi lab label labor
laboratory labour lack ladder ladies lady lake lamb lamp lan land landlord landmark landscape
language laptop large laser latest laugh launch laundry lava lavish law lawful lawn lawsuit lawyer
lay layer layout lb lcd lead leader leadership leaf leaflet leak lean leap learn lease leather
leave leaves lecture leftover leg legacy legal legend legendary leisure lemonade lend length lens
lesson letter lettuce level liable liberal liberty librarian library licence license lid lie life
lifestyle lifetime lift light lighthouse likely limb limit limitation limited line link lip
lipstick liquid list listen liter literary literature litre litter live lively lizard llc load
loaf loan lobby local locate location lock log login logo logout loneliness lonely long look loop
loose lorry lose loss lottery loud lounge loved lovely low loyal loyalty ltd luck lucky luggage
luminous lunar lunch lung luxury lyrics machine macro magazine magic magical magician magnet
magnetic magnificent mail mailbox mailing main maintain maintenance majority maker male mall
mammal man manage management manager mandatory manner manual manufacture manufacturer manuscript
map marathon margin marine market marketing marriage married marry marvel mask mass massive master
masterpiece match mate material math mathematical mathematics matter mattress mature maximum
mayonnaise mayor mb meal meaningful measure meat mechanic mechanical mechanism medal media median
medical medication medicine medieval meditation medium meet melody melt member membership memoir
memorable memorial memory men mental mention menu merchandise merchant merge merit merry mess
message messenger messy metal metaphor meter method metre metric mfa microfoam microphone
microscope microwave mid middle mighty migrate migration mild mile mileage milestone military milk
min mind mineral mini miniature minimal minimum minor minority minus minute miracle mirror misc
mischief miserable misplace missile missing mission mist mistake mix mixer mixture ml mms mobile
mobility mode model modem moderate modern modify modular module moisture molecule mom moment
momentary mommy monarch monastery money monitor monkey monster month monument mood moon moral
mortgage mosque mosquito moth mother motion motivate motivation motor motorcycle mount mountain
mouse mouth move movement movie mow mph mug mule multi multiple multiply mum mural muscle museum
music musical mutual mystery myth mythical mythology nail name nap napkin narrative narrow nation
national nationwide native natural nature navigate navigation navy nearby neat necessary neck
necklace needle negative negotiate neighbor neighborhood neighbour nephew nerve nervous nest net
network neural neutral newborn news newsletter newspaper nice nickel nickname niece nightmare nod
noise noisy nominate normal north northern nose nostalgia note notebook notice notification notify
noun novel novelist np nr nuclear nuisance number numerous nurse nurture nut nutrient nutrition
nutritious oat oath obey object objective obligation oblige observation observe obstacle obtain
obvious occasion occasional occupy occur ocean odd odor offer office officer official offline oil
older omelet omit ongoing online onward open opera operate operation operator opinion opponent
opportunity oppose opposite opt optimal optimise optimism optimistic optimize option optional oral
orchard orchestra order ordinary organ organic organisation organise organism organization
organize orient origin original ornament orphan os otp ounce outage outcome outdated outdoor
outfit outgoing outlet outline outlook output outrage outskirt outstanding oval oven overcharge
overcome overdue overlook overnight overtime overview overwhelm owe owner ox oxygen oyster oz pace
pack package packet pad pain paint pair palace pale palm pan pancake pandemic panel panic pant
pants paper paperwork parade paradise paragraph parallel parameter parcel pardon parent park
parking part participant participate particle particular partner party pass passage passcode
passenger passion passionate passport password past pasta paste pastry pasture patch path pathway
patient patriot patrol pattern pause pavement paw pay payment payout payroll pc pcs pdf peace peak
pebble peculiar pedestrian peel pen penalty pencil pension people perceive percent percentage
perfect perform performance perfume peril period permanent permission permit persist person
persona personal personality personnel perspective persuade pet petrol pharmacy phase phenomenon
philosopher philosophy phone photo photograph photography photosynthesis phrase physical physician
physicist physics physiology piano pick pickup picnic picture pie piece pier pig pigeon pile pill
pillar pillow pilot pin pink pint pioneer pipe pistol pit pitch pivotal pixel place plague plain
plan plane planetary plant plastic plate platform platter play player playful playground playlist
plc plead pleasant pleased pleasure pledge plot plow pls plug plumber plunge plz pocket poem poet
poetry point poison polar police policy polite political politics poll pollen pollution pond
poodle pool poor pop popular populate population porcelain porch port portable portal portfolio
portion portrait pose position positive possess possession possibility possible post postage
postal postcard poster postpone pot potato potent potential pottery pound pour poverty powder
power pr practical practice praise pray prayer preach precaution precious precise predator predict
prefer preference pregnant preliminary premium prepaid preparation prepare presence present
presentation preserve presidency president press pressure prestige presume pretend pretty prevent
preview previous prey priceless pricing pride priest primary prime primitive princess principal
principle print printer prior prioritise prioritize priority privacy private privilege prize
probability probable problem procedure proceed process processor produce producer product
production productive productivity profession professional professor profile profit profound
program programme progress progressive prohibit project prominent promise promo promote promotion
prompt proof propel proper property proportion proposal propose propulsion pros prosper prosperity
protagonist protect protection protein protest protocol proud prove provide provider province
provision psychological psychology pub public publication publish pull pump punch punctual punish
pupil puppet puppy purchase pure purity purple purpose purse pursue pursuit push puzzle pyramid qr
qty qualify quality quantity quantum quarrel quart quarter quarterly query quest question queue
quick quiet quilt quit quiver quiz quota quotation quote rabbit race rack radiation radio radius
rail railway rain rainfall rainforest raise rally ram ramp ranch random range rank rapid rare rat
rate ratio rational raw razor reach react reactivate reader real realise reality realize realm
reason reasonable reassure rebate rebel rebellion reboot recall receipt receive recent reception
recess recharge recipe recipient reckon recognise recognition recognize recommend recommendation
reconnect record recover recruit rectangle rectify recycle redeem redirect reduce reef ref refer
reference refill refine reflect reflection reform refresh refrigerator refugee refund refuse regal
regard regime region regional register registration regret regular regulate regulation rehearse
reign reimburse reindeer reinstall reject relate relation relationship relative relativity relax
relaxation relay release relevant reliable reliance relief relieve religion religious reluctant
rely remain remainder remark remarkable remedy remember remind reminder remote removal remove
renew renewal renovate renowned rent rental reopen reorder repair repay repeat repent replace
replacement reply report represent representation representative reprint reproduce reptile
republic reputation request require requirement rescue research resemble resend reservation
reserve reset reside residence resident residential resign resilience resilient resist resistance
resolution resolve resort resource respect respond response responsibility responsible rest
restart restaurant restful restock restoration restore restrict restriction result resume retail
retailer retain retire retrieve retry return reunion reuse reveal revenge revenue reverse revert
review revise revolution revolutionary reward rewire rgb rhyme rhythm ribbon riddle ride ridge
rifle righteous ring rinse ripe rise risk ritual rival river rma road roar roast robe robot
robotic rock roi role roll roller rom romantic roof rookie room roommate rooster root rope rot
rotate rotten rough round route router routine row royal rub rubber rubbish rude rug ruin rule
ruler rumor run running rural rush sack sacred sacrifice saddle safe safety sail sailor saint sake
salary sale sales salesperson salmon salon salt sample sanctuary sand sandal sandbox sandwich
sarcastic satellite satisfaction satisfied satisfy sauce sausage savage save saving savings scale
scallop scan scanner scared scarf scary scatter scene scenery scent schedule scheme scholar
scholarship school science scientific scientist scissors scoop scope score scorpion scout scramble
scratch scream screen screenshot screw script scroll sculpture sdk sea seafood seahorse seal
seamless search seashell season seat seaweed secret secretary section sector secure security seed
seedling seek seem segment select selection sell seller semester semi seminar senator send sender
senior sense sensible sensitive sensor sentence sentient separate sequence serene serenity
sergeant serial series serious serpent serve server service session set setback setting settle
settlement setup severe sew shade shadow shake shallow shame shampoo shape share shave shed sheep
sheet shelf shelter sheriff shield shift shimmer shine shiny ship shipment shipping shirt shiver
shock shoe shoot shop shopper shopping shore short shortcut shot shoulder shout show shower shrimp
shrine shrink shrub shut shutdown shutter shuttle sibling sick side sidewalk siege sigh sight sign
signal signature significance significant silence silent silk silly sim similar simple simulate
sin sing singer single sink sister site situate situation size skate skeleton sketch ski skill
skin skirt sku skull skyscraper slave sled sleep sleeve slice slide slight slim slip slipper
slogan slope slot slow small smart smartphone smell smile smoke smooth sms snack snail snake
sneaker snow soak soap soar sober soccer social societal society sock socks soda sofa soft
software soil solar soldier sole solid solitary solution solve son song soothe sorrow sort soul
sound soup sour source south southern souvenir space spaceship spacious spam spare spark sparkle
sparrow speak speaker special specialist species specific specification specify spectacle
spectacular spectator spectrum speech speed spell spend sphere spice spicy spider spill spin
spinach spine spiral spirit spiritual splash splendid split spoil spoken sponge sponsor
spontaneous spooky spoon sport spot spray spread spring sprout squad square squash squirrel ssd
ssn sso stability stable stack stadium staff stage stain stair stake stall stamp stand standard
star start startle startup starve state statement station stationery statistic statue status stay
steady steal stealth steam steel steep steer stem step stereotype stick sticker sticky sting stir
stitch stock stocking stomach stop storage store stormy story storyteller storytelling straight
strand strange stranger strap strategic strategy straw stray stream street strength strengthen
stress stretch strict strike string strip strive stroke strong structure struggle stubborn student
studio study stuff stumble stunning stupid sturdy style subject submarine submit subscribe
subscriber subscription substance substitute subtle subtotal subtract suburb succeed success
successful sudden suffer sufficient sugar suggest suggestion suit suitable suitcase sum summary
sunglasses sunlight sunrise sunset sunshine super superb superhero superior superstition supervise
supervisor supplement supplier supply support suppose suppress supreme surf surface surgeon
surgery surprise surrender surround surrounding surveillance survey survival survive survivor
suspect suspend suspense suspicious sustain sustainability sustainable swallow swamp swap swarm
swear sweat sweater sweep sweet sweetener swift swim swimming switch sword symbol symbolic
symbolism sympathetic sympathy symphony symptom sync syringe system tab table tablespoon tablet
tackle tactic tag tail tailor takeaway tale talent talk tall tame tangle tank tap tape tapestry
tariff task taste tavern tax taxi tb tbh tea teach teacher team teammate tear teaspoon tech
technical technician technique technology teenage teenager tel telephone telescope television tell
temperature temple temporary temptation tempting tenant tend tender tennis tension tent term
terminal terminate terms terrain terrible terrific terrify territory terror test testament text
textbook texture thankful theater theatre theatrical theft theme theology theoretical theory
therapist therapy thermal thermostat thick thief thigh thin think thirsty thorn thread threat
threaten thrill thriller thrive throat throne throw thumb thunderstorm thx tick ticket tide tidy
tie tight tile timber time timeless timeline timer timing tin tiny tip tire tired tissue title
toad toast toaster tobacco toddler toe toffee toilet token tolerance toll tomato tomb ton tone
tongue tool toolbar tooth toothbrush top topic torch torture total touch tough tour tourism
tourist tournament towel tower town toy trace track tracker tracking tractor trade trader
tradition traditional traffic tragedy tragic trail trailer train trainer training trait tranquil
transaction transcend transcript transfer transform transformation transit transition translate
transmission transmit transparent transport trap trash trauma travel traveler traveller traverse
tray treasure treat treatment treaty tree tremendous trend trial triangle tribe tribute trick
trigger trim triple trolley troop trophy tropical trouble troubleshoot trousers truck truly
trumpet trunk trust truth tub tube tuition tumble tuna tune tunnel turbine turn turtle tutor
tutorial tv twig twilight twin twist ty type typhoon typical tyrant tyre ugly uhd ui uk ultimate
umpire un unable unauthorized unavailable unbelievable uncle undergo undergraduate underground
underlying understand understandable underwater undo unexpected unfortunate unhappy uniform unify
uninstall unique unit unite unity universal universe university unknown unlimited unlock unpack
unpaid unplug unread unsubscribe unsure unused unusual unwanted upbringing upcoming update upgrade
uphold uplift upload upper upset upstairs urban urge urgency urgent url urls usa usage usb user
username usual utensil utility utilize utter ux vacant vacation vaccine vacuum vague vain valid
validate valley valuable value valve vampire vanish variable variant variety vary vase vast vat
vault vegan vegetable vegetarian vehicle velvet vendor venom ventilate venture venue verb verbal
verdict verification verify verse version vertical vessel vest vet veteran vibrant vice vicious
victim victory video view village villain vine vinegar violent violin virtual virtue virus viscous
visible vision visit visitor visual vital vitamin vivid vocabulary voice voicemail volcanic
volcano volleyball voltage volume voluntary volunteer vote voucher vow voyage vpn vulnerable wage
wagon wait waiter wake walk wall wallet wallpaper wand want war wardrobe warehouse warm warn
warning warrant warranty warrior wash washer wasp waste watch water watt wave wax weak weakness
wealth weapon wear weary weather weave web webinar webpage website wedding weed week weekly weigh
weight weird welfare werewolf west western wet wfh wheat wheel wheelchair whisper whistle
wholesale wi wicked wide widespread widget widow width wife wifi wiki wild wilderness wildlife win
wind windmill window windy wine wing winner wipe wire wireless wisdom wish wit witch withdraw
withdrawal witness wizard wolves woman women wonder wonderful wooden wool word work workbook
worker workflow workforce workout workplace workshop workspace world worldwide worm worry worse
worship worst worth worthwhile wound wrap wreck wrestle wrinkle wrist write writer wrong xl xml xs
xxl yacht yard yarn year yeast yell yellow yield yoga yogurt youngster youth yw zest zip zone zoo
"""
_ALSO_NAMES = """
acorn almond amazon amber anchor android angel apple archer art ash atlas autumn baker bamboo
banana banks bay bear bell bill birch bishop black blossom blue bond breeze bronze brook brooks
brown brownie buck bud buddy burger bush butler butterfly cactus canyon caramel carol carpenter
carter castle cedar chance chase cherry chip chocolate christian chuck cinnamon clay cliff clover
cocoa coconut cole colt comet compass cook cookie cooper copper corona crown crystal cupcake daisy
dale dawn dean dell destiny diamond dick dolly dolphin don donut dove dragon drew duke eagle earl
elephant elm emerald empire espresso eve faith falcon fields fisher ford forest fox frank galaxy
garlic gates gene ginger giraffe glacier glen gold golding grace granite grant grape gray green
grey guy hall hank happy harbor harding harry haven hawk hazel hazelnut heath heather holly honey
hope horizon hunter hurricane iris ivy jack jade jared jasmine jay jean jewel jimmy john joy
jupiter kangaroo king kingdom kit knight koala lagoon lance lane lantern lark latte lavender lemon
leopard lightning lily lime lion lord lotus love lynn major mango manning maple marble marigold
mark marks mars marsh mason max meadow melon mercury mercy mermaid meta mike miles miller mint
misty mocha moss muffin mushroom neptune noble noodle norm nutmeg oak oasis octopus olive onion
oracle orange orbit orchid owl page paige panda pansy panther parker parks parrot pat patience
patty peach peanut pear pearl peg penguin penny pepper peppermint perry peter phoenix pierce pine
pineapple piper pirate pizza planet plum pluto popcorn poppy porter pretzel price prince pumpkin
queen rainbow randy raven ray read red reed rice rich rivers rob robin rocket rocky rod roman rose
rosemary rowan ruby rusty sage salad sally sandy sapphire saturn scarlet shark sharp shepherd
silver skip sky slack smith spearmint sphinx steak sterling stone storm strawberry sue summer
summit sunflower sunny sushi swan syrup taco target taylor teams terry thunder tiffany tiger titan
tony tornado trip tulip turkey turner umbrella unicorn van vanilla venus victor viking violet
virgin visa wade waffle walker walnut ward warren watermelon waters wayne wells whale white will
willow winter wise wolf wood woods young zebra zoom
"""
_GIVEN_NAMES = """
amber autumn bill carol chase christian chuck daisy dawn dean drew earl eve frank gene grace hank
harry hazel heather holly hunter iris ivy jack jared jasmine jay jean jimmy kit lily mark mason
max mike norm pat penny peter randy ray rob robin rod rose ruby sally sandy sue summer terry
tiffany tony victor violet wade warren wayne will
"""

FUNCTION = frozenset(_FUNCTION.split())
CALENDAR = frozenset(_CALENDAR.split())
ORDINARY = frozenset(_ORDINARY.split())
ALSO_NAMES = frozenset(_ALSO_NAMES.split())
GIVEN_NAMES = frozenset(_GIVEN_NAMES.split())

_STEMS = ORDINARY | {word for word in FUNCTION if len(word) > 3}
_ENDINGS = (
    ("ies", "y"), ("ied", "y"), ("s", ""), ("ed", ""), ("d", ""), ("ing", ""), ("ing", "e"),
    ("ly", ""), ("ily", "y"), ("ation", "e"), ("ion", ""), ("ion", "e"), ("ment", ""),
    ("ness", ""), ("able", ""), ("able", "e"), ("ful", ""), ("less", ""),
)  # fmt: skip
_SIBILANT = re.compile(r"(?:[sxzo]|ch|sh)es$")


def is_ordinary(word: str) -> bool:
    """Whether a folded word, or the word that it is formed from, is an ordinary one.

    `ALSO_NAMES` and words formed from them are not: the caller decides by their place.
    """
    if word in ALSO_NAMES:
        return False
    if word in FUNCTION or word in CALENDAR or word in ORDINARY:
        return True
    if _SIBILANT.search(word) and word[:-2] in _STEMS:
        return True
    for ending, put_back in _ENDINGS:
        if len(word) > len(ending) + 2 and word.endswith(ending):
            stem = word[: -len(ending)]
            if stem + put_back in _STEMS:
                return True
            if len(stem) > 3 and stem[-1] == stem[-2] and stem[:-1] in _STEMS:
                return True
    return word[:2] in ("un", "re") and len(word) > 5 and word[2:] in _STEMS

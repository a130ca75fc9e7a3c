/**
 * A small hand-written thesaurus of everyday English, for questions that name a thing by its kind
 * ("which instrument …") or by another word than the memory does. Two sorts of lines:
 * `a = b = c` are words for much the same; `kind: member member …` is a kind with some of its members.
 * Single words only; forms of one word (plural, tense) are the business of the stemmer. A kind may have several lines.
 */
export const SYNONYMS = `job = work = career = profession = occupation = employment = position
employer = company = firm = business = workplace
boss = manager = supervisor
colleague = coworker = teammate
hire = recruit = employ
quit = resign = leave
salary = wage = pay = income = earnings
buy = purchase = acquire = order = get
sell = trade
cost = price = expense = fee
cheap = affordable = inexpensive
expensive = costly = pricey
money = cash = funds = finances = budget
home = house = apartment = flat = place
move = relocate = migrate
live = reside = stay
rent = lease
neighbor = neighbour
area = neighborhood = district = region
town = city = village
country = nation = homeland
abroad = overseas
travel = trip = journey = tour = visit = vacation = holiday = getaway
fly = flight = plane
drive = car = automobile = vehicle
bike = bicycle = cycling
walk = stroll = hike = trek
camp = camping = tent
run = jog = marathon
exercise = workout = gym = fitness = training
sport = athletics = game
win = victory = triumph
award = prize = trophy = medal = honor
lose = defeat
compete = competition = contest = tournament = championship = race
play = perform
team = squad = club
hobby = pastime = interest = leisure = activity
relax = unwind = rest = calm
enjoy = like = love = adore = fond
favorite = favourite = preferred = best = love
prefer = favor
dislike = hate = detest
happy = glad = joyful = delighted = pleased = cheerful
excited = thrilled = pumped = eager = stoked
sad = unhappy = upset = depressed = heartbroken
angry = mad = furious = annoyed
afraid = scared = fear = frightened = terrified = phobia
worried = anxious = nervous = stress = concern
proud = pride
surprised = shocked = amazed = astonished
tired = exhausted = fatigue = burnout
grateful = thankful = appreciate = gratitude
hope = wish = dream = aspire
goal = aim = target = objective = ambition = aspiration
plan = intend = going = schedule
decide = choose = pick = select = decision = choice
start = begin = launch = found = commence = open
end = finish = complete = stop
continue = keep
try = attempt
learn = study = taught = lesson
teach = instruct = educate = tutor = coach
school = class = course = education = college = university
graduate = degree = diploma = graduation
exam = test = quiz
student = pupil
teacher = instructor = professor
research = study = investigate = look
read = book = novel = reading
write = author = writing = publish
story = tale
poem = poetry
movie = film = cinema
show = series = episode = tv = television
watch = see = view
music = song = tune = melody = band
concert = gig = performance = show
sing = singer = vocals
listen = hear
dance = dancing
paint = painting = draw = sketch = art = artwork
photo = picture = photograph = image = snapshot = photography
create = make = build = craft = produce
fix = repair = mend
clean = tidy = wash
cook = cooking = bake = recipe = prepare
eat = food = meal = dish = dine
dinner = supper
breakfast = brunch
restaurant = diner = cafe = eatery
drink = beverage
delicious = tasty = yummy
sweet = dessert = candy = treat
garden = gardening = plant = grow
flower = blossom = bloom
tree = forest = woods
beach = shore = coast = seaside = ocean = sea
lake = pond
mountain = hill = peak
nature = outdoors = wilderness
weather = rain = snow = storm = sunny
pet = dog = cat = puppy = kitten
dog = puppy = pup = canine = pooch
cat = kitten = kitty
adopt = adoption
animal = creature = wildlife
child = kid = son = daughter = baby = toddler
parent = mother = father = mom = dad
mother = mom = mum = mama
father = dad = papa
son = boy
daughter = girl
sibling = brother = sister
grandparent = grandma = grandpa = grandmother = grandfather = gran
grandmother = grandma = granny
grandfather = grandpa
husband = spouse = partner
wife = spouse = partner
boyfriend = girlfriend = partner = date
relationship = dating = romance = breakup
marry = marriage = wedding = married = wed = spouse
engage = engagement = fiance = propose = proposal
divorce = separate = breakup = split
family = relatives = kin
friend = buddy = pal = mate = friendship
baby = newborn = infant = pregnant = birth
birthday = bday
party = celebration = celebrate = festivity
event = occasion = gathering = ceremony
festival = fair = carnival = parade
holiday = christmas = thanksgiving = halloween = easter
gift = present = surprise
invite = invitation
meet = encounter = met
talk = speak = chat = discuss = conversation = tell
call = phone
message = text = email = letter
advice = suggest = recommend = recommendation = suggestion = tip
help = assist = support = aid
volunteer = charity = donate = fundraise = nonprofit = donation
community = group = society = club
member = join = belong
church = faith = religion = religious = spiritual = pray
god = faith
politics = election = government = vote = campaign = political
law = legal = lawyer = attorney
police = officer
army = military = veteran = soldier
doctor = physician = medical = clinic
hospital = clinic = surgery
ill = sick = disease = illness = unwell
health = healthy = wellness = medical
injury = hurt = injured = wound = accident = sprain = broke
pain = ache = sore
medicine = medication = drug = pill = prescription
allergy = allergic
diet = nutrition = vegetarian = vegan
weight = slim = overweight
sleep = nap = rest = insomnia
therapy = therapist = counseling = counselor = psychologist
meditate = meditation = mindfulness = yoga
mental = psychological = emotional
die = death = dead = passed = funeral = loss
memory = remember = remind = reminder = nostalgia
remember = recall
forget = forgot
problem = issue = trouble = difficulty = challenge = struggle = obstacle
solve = resolve
accident = crash = collision
damage = destroy = ruin = broken
fire = burn
robbery = steal = theft = stolen
computer = laptop = pc
phone = smartphone = cellphone = mobile
app = application = software
internet = web = online = website
program = code = coding = programming = software
game = gaming = videogame = console
build = construct = construction
design = designer
invent = invention
science = scientific = scientist
money = invest = savings
store = shop = boutique = market
customer = client
project = initiative
product = item = merchandise
advertise = promote = marketing = promotion
success = achievement = accomplish = achieve = accomplishment = milestone
fail = failure = setback
improve = progress = better = enhance
change = transform = transition
important = significant = meaningful = matter
difficult = hard = tough = challenging
easy = simple
beautiful = gorgeous = lovely = pretty = stunning
big = large = huge = giant
small = little = tiny
new = recent = latest
old = ancient = vintage = antique
many = several = lot
clothes = clothing = outfit = dress = wear = fashion
jewelry = necklace = ring = bracelet = earrings
shoe = sneakers = boots
furniture = couch = sofa = table = chair
decorate = decoration = decor
collect = collection
own = possess = belong
inspire = inspiration = motivate = motivation = influence
gay = lesbian = queer = lgbtq
accept = acceptance
kind = type = sort = genre
reason = cause = because = why
symbol = represent = symbolize = mean = meaning = signify
feel = feeling = emotion
think = believe = opinion = thought
describe = say
name = called = named
often = frequently = regular = usually
week = weekly
year = annual = yearly
month = monthly
decide = decision
describe = description
receive = get = obtain
succeed = success
apply = application
explain = explanation
destroy = destruction
grow = growth
born = birth
think = thought
speak = speech
believe = belief
arrive = arrival
survive = survival
publish = publication
compete = competitor
perform = performer
participate = attend = join = involve
attend = went = visit
attitude = outlook = mindset
react = reaction = respond = response
behave = behavior
strong = strength
long = length
deep = depth
free = freedom
brave = courage = bravery
patient = patience
confident = confidence = esteem
curious = curiosity
creative = creativity
safe = safety = security
peace = calm = serene = tranquil
lonely = loneliness = alone
healthy = fit
rich = wealthy
poor = poverty
hungry = starving
thirsty = dehydrated
unique = special = distinctive
strange = weird = odd = unusual
famous = celebrity = popular = wellknown
funny = hilarious = humor = joke = comedy
smart = clever = intelligent
quick = fast = rapid
quiet = silent = peaceful
dangerous = risky = hazard
busy = hectic = swamped
free = spare
early = beginning
late = delayed
near = nearby = close
far = distant
inside = indoor
outside = outdoor = outdoors
hot = warm
cold = freezing = chilly
clean = neat
dirty = messy
full = packed
broken = cracked
stress = pressure = overwhelmed
encourage = motivate = cheer
support = encourage
comfort = console = soothe
celebrate = commemorate
protect = defend = preserve
save = rescue
carry = transport
send = mail = ship
receive = got
borrow = lend = loan
return = back
arrange = organize = organise = plan
prepare = ready
practice = rehearse = train
manage = handle = cope
suffer = endure
recover = heal = recovery
avoid = skip
allow = permit
stop = quit
notice = observe = spot
discover = find = explore
search = seek = look
hide = conceal
explore = adventure = expedition
climb = summit
ride = riding
catch = caught
throw = toss
drop = dropped
fall = slip = trip
hit = strike
cut = trim
sew = stitch = knit
bake = oven
grill = barbecue = bbq
taste = flavor
smell = scent
sound = noise
touch = feel
look = appear = appearance
wear = dressed
style = aesthetic
tattoo = ink
hair = haircut = hairstyle
makeup = cosmetics
diary = journal
note = memo
letter = postcard
newspaper = magazine = article
blog = vlog
video = clip = footage
channel = youtube
podcast = radio
social = instagram = facebook = twitter
post = upload
follower = subscriber
fan = supporter
idol = hero = role
character = protagonist
chapter = page
library = bookstore
quote = saying = motto
lesson = insight
wisdom = advice
knowledge = expertise
skill = talent = ability
experience = background
interview = applicant
internship = intern
promotion = promoted = raise
retire = retirement
startup = entrepreneur = business = company
shop = purchase
discount = sale
customer = shopper
order = delivery
bill = invoice
tax = taxes
bank = account
debt = loan
insurance = coverage
contract = agreement = deal
brand = label
office = desk
meeting = appointment
deadline = due
conference = convention = summit = seminar
workshop = class = training
presentation = speech = talk
certificate = certification = license
scholarship = grant
thesis = dissertation
homework = assignment
essay = paper
language = fluent = speak
translate = translation
culture = cultural = tradition = heritage = custom
history = historical
museum = gallery = exhibit = exhibition
statue = sculpture = monument
castle = palace
bridge = tunnel
building = tower = skyscraper
street = road = avenue
highway = freeway = interstate
airport = airline
train = railway = subway
hotel = hostel = motel = airbnb
luggage = suitcase = baggage
passport = visa
ticket = admission
guide = tour
map = route
souvenir = keepsake = memento
sunset = sunrise = dusk = dawn
star = constellation = sky
moon = lunar
space = astronomy = telescope
planet = earth
environment = ecology = climate = sustainability
recycle = waste = trash
pollution = emissions
energy = solar
farm = ranch = barn
harvest = crop
seed = seedling
vegetable = veggie
leash = collar
vet = veterinarian
breed = purebred
train = obedience
zoo = aquarium
feed = fed
groom = grooming
shelter = rescue
snake = reptile
insect = bug
fish = aquarium
doll = toy
puzzle = jigsaw
card = poker
board = boardgame
chess = checkers
score = points = goal
coach = trainer
match = game
stadium = arena
league = division
opponent = rival
champion = winner
record = best
gear = equipment
uniform = jersey
shoe = footwear
cycling = cyclist
swim = swimming = pool
boat = yacht = canoe = kayak
fishing = angler
surf = wave
ski = snowboard = slope
skate = rink
gym = weights = treadmill
muscle = strength
stretch = flexibility
diet = calories
sugar = sugary = soda
snack = chips
ingredient = spices
chef = cook
wine = vineyard
beer = brewery
coffee = espresso = latte = caffeine
tea = matcha = chai
cake = cupcake
cookie = biscuit
ice = icecream = gelato
chocolate = cocoa
vegan = plantbased
vegetarian = veggie
asthma = breathing
vision = eyesight = glasses
tooth = dental = dentist
surgery = operation
diagnose = diagnosis
symptom = fever = cough
headache = migraine
virus = flu = cold
vaccine = shot
pregnant = expecting = pregnancy
nurse = caregiver
elderly = senior
disability = wheelchair
blind = deaf
anxiety = panic
depression = depressed
grief = mourning = loss = bereavement
addiction = rehab = sober
smoke = cigarette
alcohol = drinking
habit = routine = ritual
morning = sunrise
night = evening
weekend = saturday = sunday
childhood = young = kid = youth
teenager = teen = adolescent = youth
adult = grownup
elder = senior
neighbor = nextdoor
roommate = flatmate
guest = visitor
host = hosting
stranger = unknown
leader = leadership = president = chair
mentor = mentee = mentorship = guidance
activist = activism = advocacy = advocate
protest = march = rally = demonstration
right = equality = justice
discrimination = prejudice = racism
immigrant = refugee = immigration
veteran = military
war = battle
crime = criminal
court = trial = judge
prison = jail
vote = ballot
mayor = governor = senator
campaign = run
policy = legislation
donate = donation = contribute
fund = fundraiser
raise = collect
orphan = foster
godmother = godfather
twins = triplets
ancestor = roots = heritage
ring = engagement
honeymoon = newlyweds
anniversary = milestone
dress = gown
bouquet = flowers
cemetery = grave = burial
soul = spirit
prayer = pray
bible = scripture
pastor = priest = minister
angel = heaven
magic = wizard = spell
dragon = fantasy
robot = ai
science = experiment = lab
math = mathematics
engineer = engineering
electric = electronics = circuit
machine = mechanical = engine
tool = hammer = drill
wood = woodwork = carpentry
repair = restore = renovation = renovate = remodel
garage = workshop
yard = backyard = lawn
kitchen = stove
bedroom = bed
roof = ceiling
wall = mural
window = view
door = entrance
lamp = light
blanket = quilt
pillow = cushion
candle = incense
clock = watch
mirror = reflection
bag = purse = backpack
wallet = purse
key = lock
umbrella = raincoat
`

export const KINDS = `instrument: guitar piano violin cello drum flute clarinet saxophone trumpet ukulele keyboard harp bass banjo
sport: soccer football basketball baseball tennis golf swimming hockey volleyball rugby cricket skiing surfing boxing wrestling gymnastics skating badminton climbing snowboarding martial karate
exercise: yoga pilates running jogging weights swimming cycling boxing hiking cardio lifting kickboxing
pet: dog cat puppy kitten hamster rabbit parrot bird fish turtle guinea snake lizard
animal: dog cat horse bird rabbit bear deer elephant lion tiger wolf fox whale dolphin turtle snake cow sheep pig goat duck squirrel
color: red blue green yellow orange purple pink black white brown gray grey gold silver violet teal
flower: rose tulip sunflower daisy lily orchid lavender peony
fruit: apple banana orange strawberry blueberry mango grape peach cherry lemon pineapple pear berry
vegetable: carrot tomato potato broccoli spinach onion pepper lettuce cucumber kale
food: pizza pasta sushi burger salad soup sandwich steak chicken rice bread cheese curry noodles tacos seafood fish eggs
dessert: cake cookie pie chocolate brownie pudding muffin cupcake pastry donut cream
drink: coffee tea juice wine beer water soda cocktail milk smoothie lemonade
cuisine: italian mexican chinese japanese indian thai french korean greek vietnamese
month: january february march april may june july august september october november december
season: spring summer autumn fall winter
weekday: monday tuesday wednesday thursday friday saturday sunday
weekend: saturday sunday
country: america usa canada mexico england britain ireland scotland france germany spain italy portugal greece sweden norway denmark finland poland russia ukraine turkey china japan korea india thailand vietnam indonesia australia brazil argentina chile peru egypt morocco kenya nigeria africa
city: london paris rome berlin madrid barcelona amsterdam vienna prague tokyo kyoto osaka seoul beijing shanghai bangkok singapore sydney toronto vancouver montreal chicago boston seattle miami dallas houston austin denver detroit atlanta philadelphia nyc
state: california texas florida york washington oregon nevada arizona colorado utah michigan ohio illinois minnesota georgia virginia carolina tennessee alaska hawaii massachusetts connecticut maine vermont
continent: africa asia europe america australia antarctica
place: park beach mountain lake forest museum cafe restaurant library city town country
transport: car bus train plane bike boat subway taxi ship motorcycle
vehicle: car truck van motorcycle bike bus scooter suv prius ford toyota honda tesla bmw
relative: mother father sister brother aunt uncle cousin niece nephew grandma grandpa son daughter husband wife
family: mother father mom dad sister brother aunt uncle cousin niece nephew grandma grandpa son daughter husband wife kids
profession: teacher doctor nurse lawyer engineer chef artist writer scientist programmer designer accountant manager musician actor photographer journalist counselor therapist firefighter pilot
artist: painter singer musician actor dancer writer sculptor photographer
art: painting drawing sculpture pottery photography sketch ceramics watercolor sculpting canvas
craft: pottery knitting sewing woodworking crochet weaving origami embroidery quilting
hobby: painting reading cooking gardening photography hiking knitting fishing gaming dancing writing baking pottery running camping chess collecting
music: rock jazz classical pop blues rap country folk metal electronic reggae
genre: fantasy mystery romance thriller horror comedy drama fiction action documentary adventure
subject: math history biology chemistry physics geography literature economics psychology philosophy engineering
major: engineering business economics psychology biology finance marketing nursing
holiday: christmas easter thanksgiving halloween ramadan diwali hanukkah
clothes: shirt dress jacket coat hat shoes jeans skirt sweater scarf socks pants hoodie suit gloves
accessory: hat scarf belt necklace watch bag glasses ring bracelet
furniture: chair table sofa couch desk bed shelf lamp
room: kitchen bedroom bathroom basement garage attic office
device: phone computer laptop tablet camera console headphones watch speaker monitor
console: xbox playstation nintendo switch
game: chess poker monopoly puzzle cards minecraft zelda mario strategy shooter rpg
book: novel biography memoir fantasy fiction author chapter series
movie: comedy drama thriller horror documentary director actor trilogy
injury: ankle knee wrist broken sprain fracture concussion leg arm
body: head arm leg knee back shoulder neck foot hand eye heart stomach ankle
disease: cancer diabetes flu asthma covid arthritis heart pneumonia
emotion: happy sad angry afraid proud anxious excited grateful lonely joy love fear relief
weather: rain snow sun wind storm cloud fog heat cold
disaster: flood earthquake hurricane fire tornado storm
outdoor: hiking camping fishing climbing kayaking picnic park trail
water: swimming kayaking sailing surfing diving snorkeling fishing
religion: christian muslim jewish buddhist hindu church catholic bible temple mosque
language: english spanish french german italian japanese chinese korean russian arabic portuguese
nationality: american british french german italian spanish mexican japanese chinese indian canadian swedish
organization: charity school company club church hospital nonprofit shelter
charity: hospital orphanage shelter donation relief hunger
institution: university college school hospital museum
education: degree bachelor master phd diploma certificate college university
financial: loan debt mortgage savings investment budget
status: single married divorced engaged widowed dating
gender: male female man woman nonbinary transgender
number: one two three four five six seven eight nine ten dozen hundred thousand
meal: breakfast lunch dinner brunch supper
material: wood metal glass clay cotton wool paper stone
jewelry: ring necklace bracelet earrings pendant
event: wedding birthday party concert festival conference parade funeral graduation reunion workshop retreat meeting
ceremony: wedding graduation funeral baptism
activity: painting drawing hiking camping swimming running cycling fishing reading cooking baking gardening dancing yoga pottery surfing skiing climbing kayaking picnic museum concert movie volunteering games crafts shopping sightseeing photography
martial: karate judo taekwondo kickboxing boxing jiujitsu kungfu aikido wrestling
racket: tennis badminton squash pingpong
winter: skiing snowboarding skating sledding snow christmas
europe: france germany spain italy england britain ireland scotland portugal greece sweden norway denmark finland poland switzerland austria netherlands belgium hungary croatia
european: france germany spain italy england britain ireland scotland portugal greece sweden norway denmark finland poland switzerland austria netherlands belgium hungary croatia
asia: china japan korea india thailand vietnam indonesia singapore malaysia taiwan nepal
asian: china japan korea india thailand vietnam indonesia singapore malaysia taiwan nepal
african: egypt morocco kenya nigeria ethiopia ghana tanzania
american: canada mexico brazil argentina chile peru colombia cuba
hike: trail mountain summit
trip: flight hotel beach roadtrip cruise camping abroad
vacation: beach hotel cruise resort camping hawaii
hotel: room resort lobby
temple: buddhist shrine
degree: bachelor master phd doctorate psychology engineering business biology
school: kindergarten elementary middle college university teacher
class: yoga pottery dance cooking painting art spanish
gift: ring earrings book flowers card watch bracelet chocolate perfume toy camera
souvenir: magnet shirt postcard mug keychain
collection: stamps coins cards sneakers records vinyl dvds comics figurines books
toy: doll lego teddy puzzle blocks train
community: neighborhood church group club center volunteers
cause: poverty hunger cancer animals environment climate education equality peace
goal: win learn improve finish earn championship marathon promotion degree
challenge: injury pressure loss adapting competition debt illness
problem: broken leak injury debt stress error argument
health: doctor hospital diet exercise blood pressure weight allergy asthma diabetes
allergy: peanuts nuts pollen dairy gluten cats dust shellfish eggs fur
symptom: fever cough pain headache nausea fatigue
treatment: surgery therapy medication physiotherapy chemotherapy
medicine: pills antibiotics aspirin insulin
diet: vegan vegetarian keto vegetables sugar protein
ingredient: flour sugar butter eggs milk garlic onion chicken cheese coconut chocolate
recipe: cake soup pasta chicken salad cookies
dish: pasta curry soup salad roast stew chicken sushi lasagna stirfry
snack: chips popcorn cookies nuts fruit candy granola
breakfast: eggs pancakes cereal toast oatmeal bacon waffles
cheese: cheddar brie mozzarella
meat: beef pork chicken lamb steak bacon turkey
seafood: fish shrimp crab lobster salmon oyster tuna
nut: almond peanut walnut cashew
flavor: vanilla chocolate strawberry mint coconut
spice: cinnamon ginger pepper turmeric
alcohol: beer wine whiskey vodka cocktail
plant: flower tree rose tomato herb succulent cactus seeds
tree: oak pine maple palm birch cherry
herb: basil mint rosemary thyme
bird: parrot eagle owl robin pigeon duck
fish: salmon tuna goldfish shark trout
insect: bee butterfly ant spider
reptile: snake lizard turtle iguana gecko
breed: labrador retriever shepherd poodle bulldog beagle husky terrier corgi chihuahua
scientist: physicist chemist biologist researcher
musician: singer guitarist drummer pianist band composer
band: singer guitarist drummer album concert
song: album lyrics melody single
composer: bach beethoven mozart vivaldi chopin
album: songs vinyl single
dance: ballet salsa hiphop tango contemporary ballroom jazz
performance: concert play show recital dance stage
show: series episode comedy drama sitcom anime documentary
author: rowling tolkien shakespeare dickens austen orwell king martin
fantasy: dragon wizard magic hobbit
superhero: batman superman spiderman ironman avengers
character: hero villain wizard
platform: playstation xbox pc switch youtube twitch instagram
website: blog youtube instagram facebook
software: app program excel photoshop
technology: computer phone software robot ai internet
language: python javascript java
gadget: phone tablet drone smartwatch headphones
appliance: fridge oven dishwasher microwave washer
tool: hammer drill saw wrench
sport: golf climbing cycling running marathon karate archery rowing
team: soccer basketball football baseball coach league
position: guard forward goalkeeper striker pitcher quarterback
tournament: cup championship league final
award: medal trophy prize certificate
equipment: racket ball helmet gloves board skates
outfit: dress suit shirt shoes
shoe: boots sneakers sandals heels nike adidas
brand: nike adidas apple gucci samsung sony
company: google amazon apple microsoft nike
store: mall supermarket bookstore boutique bakery
building: house church tower castle school
museum: exhibit art dinosaur history science
park: playground trail lake trees
location: park beach city downtown studio
area: downtown suburb coast west east
view: sunset mountain ocean city
body: skin hair face finger
organ: heart lung liver kidney
sense: smell taste touch
shape: circle square triangle heart
pattern: stripes dots floral
size: small large medium
amount: dollars hundred thousand percent
currency: dollar euro pound yen
age: years birthday old
duration: hours days weeks months years
frequency: daily weekly monthly twice once
time: morning afternoon evening night oclock
feeling: happy sad proud nervous excited relieved scared grateful
personality: kind caring shy outgoing ambitious patient honest thoughtful
trait: kind caring honest determined brave
quality: kindness honesty patience loyalty
value: honesty family loyalty kindness respect
skill: coding cooking writing drawing communication leadership
talent: singing dancing drawing juggling
subject: art music science spanish
theme: love war nature identity friendship
style: abstract realistic modern impressionism classic
medium: oil watercolor acrylic charcoal clay digital
painting: landscape portrait sunset abstract canvas watercolor
photo: camera portrait sunset landscape
pottery: bowl mug vase pot clay cup plate
vehicle: jeep convertible tesla sedan minivan
family: grandparents grandchildren stepfather twins
pet: golden retriever labrador kitten bunny
friend: roommate classmate teammate colleague neighbor
education: masters graduate school phd
career: teaching nursing engineering acting business coding law medicine
business: store startup studio restaurant bakery shop
volunteer: hospital library charity shelter tutoring
religion: church prayer god faith bible
political: election mayor office conservative liberal
military: army navy soldier marine
law: court judge lawyer
crime: theft robbery burglary fraud
emergency: fire accident ambulance police
accident: crash car injury hospital
weather: sunny rainy snowy windy hot cold
origin: born homeland roots country
`

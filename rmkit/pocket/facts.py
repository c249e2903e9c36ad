"""What is true in the pocket world: animals and eight facts about each.

The facts are ordinary zoology of a typical adult. Size is its mass: tiny below 100 g, small to 20 kg,
medium to 100 kg, large to 700 kg, huge above. Legs are walking legs. Where a name covers many species ("bat",
"crab"), the fact is true of the common ones. A value is one word, the same on a card and in an answer.
"""

ATTRIBUTES = ("food", "home", "legs", "covering", "class", "movement", "young", "size")

# name, plural, then the eight attributes in the order above
_TABLE = """
otter otters             fish rivers four fur mammal swimming pup small
fox foxes                voles forests four fur mammal running cub small
wolf wolves              meat forests four fur mammal running pup medium
bear bears               berries forests four fur mammal walking cub large
lion lions               meat grasslands four fur mammal running cub large
tiger tigers             meat forests four fur mammal running cub large
elephant elephants       grass grasslands four skin mammal walking calf huge
giraffe giraffes         leaves grasslands four hair mammal walking calf huge
zebra zebras             grass grasslands four hair mammal running foal large
hippo hippos             grass rivers four skin mammal walking calf huge
horse horses             grass farms four hair mammal running foal large
cow cows                 grass farms four hair mammal walking calf large
sheep sheep              grass farms four wool mammal walking lamb medium
goat goats               leaves farms four hair mammal walking kid medium
pig pigs                 roots farms four hair mammal walking piglet large
rabbit rabbits           grass meadows four fur mammal hopping kit small
squirrel squirrels       nuts forests four fur mammal climbing kit small
mouse mice               seeds meadows four fur mammal running pup tiny
hedgehog hedgehogs       worms gardens four spines mammal walking hoglet small
badger badgers           worms forests four fur mammal walking cub small
bat bats                 insects caves two fur mammal flying pup tiny
koala koalas             leaves forests four fur mammal climbing joey small
camel camels             shrubs deserts four hair mammal walking calf large
moose moose              leaves forests four hair mammal walking calf large
dolphin dolphins         fish oceans no skin mammal swimming calf large
whale whales             krill oceans no skin mammal swimming calf huge
cheetah cheetahs         meat grasslands four fur mammal running cub medium
leopard leopards         meat forests four fur mammal walking cub medium
hyena hyenas             meat grasslands four fur mammal running cub medium
donkey donkeys           grass farms four hair mammal walking foal large
llama llamas             grass mountains four wool mammal walking cria large
raccoon raccoons         fruit forests four fur mammal climbing kit small
skunk skunks             insects meadows four fur mammal walking kit small
armadillo armadillos     insects grasslands four armor mammal digging pup small
owl owls                 voles forests two feathers bird flying owlet small
eagle eagles             meat mountains two feathers bird flying eaglet small
duck ducks               seeds ponds two feathers bird swimming duckling small
goose geese              grass lakes two feathers bird flying gosling small
swan swans               plants lakes two feathers bird swimming cygnet small
puffin puffins           fish coasts two feathers bird flying puffling small
emu emus                 seeds grasslands two feathers bird running chick medium
macaw macaws             nuts forests two feathers bird flying chick small
pigeon pigeons           seeds cities two feathers bird flying squab small
sparrow sparrows         seeds gardens two feathers bird hopping chick tiny
robin robins             worms gardens two feathers bird hopping chick tiny
hummingbird hummingbirds nectar forests two feathers bird flying chick tiny
flamingo flamingos       algae lakes two feathers bird walking chick small
heron herons             fish rivers two feathers bird walking chick small
gull gulls               fish coasts two feathers bird flying chick small
chicken chickens         grain farms two feathers bird walking chick small
turkey turkeys           nuts forests two feathers bird walking poult small
cobra cobras             rats forests no scales reptile crawling hatchling small
crocodile crocodiles     fish rivers four scales reptile swimming hatchling large
alligator alligators     fish swamps four scales reptile swimming hatchling large
iguana iguanas           leaves forests four scales reptile climbing hatchling small
frog frogs               insects ponds four skin amphibian hopping tadpole tiny
newt newts               insects ponds four skin amphibian swimming larva tiny
trout trout              insects rivers no scales fish swimming fry small
herring herring          plankton oceans no scales fish swimming fry small
carp carp                plants lakes no scales fish swimming fry small
bee bees                 nectar hives six hair insect flying larva tiny
ant ants                 seeds nests six exoskeleton insect walking larva tiny
butterfly butterflies    nectar meadows six scales insect flying caterpillar tiny
ladybug ladybugs         aphids gardens six exoskeleton insect flying larva tiny
grasshopper grasshoppers grass meadows six exoskeleton insect hopping nymph tiny
spider spiders           insects gardens eight hair arachnid crawling spiderling tiny
scorpion scorpions       insects deserts eight exoskeleton arachnid crawling scorpling tiny
crab crabs               algae coasts ten exoskeleton crustacean crawling larva small
lobster lobsters         clams oceans ten exoskeleton crustacean crawling larva small
"""

_ROWS = [line.split() for line in _TABLE.strip().splitlines()]
FACTS: dict[str, dict[str, str]] = {row[0]: dict(zip(ATTRIBUTES, row[2:], strict=True)) for row in _ROWS}
PLURALS: dict[str, str] = {row[0]: row[1] for row in _ROWS}
ANIMALS = tuple(FACTS)

# Never in training, validation or test: only in the split of shifted prompts.
UNSEEN = (
    "badger", "cheetah", "donkey", "skunk", "puffin", "pigeon", "heron", "goose",
    "alligator", "newt", "herring", "ladybug", "scorpion", "lobster",
)  # fmt: skip
SEEN = tuple(animal for animal in ANIMALS if animal not in UNSEEN)
# Asked about without a card: every visitor knows them, and so must the assistant.
WELL_KNOWN = (
    "otter",
    "fox",
    "lion",
    "elephant",
    "cow",
    "rabbit",
    "whale",
    "owl",
    "duck",
    "frog",
    "bee",
    "spider",
)

VALUES: dict[str, tuple[str, ...]] = {
    attribute: tuple(dict.fromkeys(FACTS[animal][attribute] for animal in ANIMALS))
    for attribute in ATTRIBUTES
}
SIZES = ("tiny", "small", "medium", "large", "huge")
LEG_COUNT = {"no": 0, "two": 2, "four": 4, "six": 6, "eight": 8, "ten": 10}

# Facts about one animal rather than its kind: true only where a card says so.
INDIVIDUAL = ("name", "age")
VALUES["name"] = ("Bella", "Daisy", "Luna", "Max", "Milo", "Rocky", "Ruby", "Sam")
VALUES["age"] = ("two", "three", "four", "five", "six", "seven", "eight", "nine")

# What a visitor may not do, and what a visitor may do. {animal} is the animal asked about.
UNSAFE = (
    "ride the {animal}",
    "touch the {animal}",
    "chase the {animal}",
    "catch the {animal}",
    "wake the {animal}",
    "feed chocolate to the {animal}",
    "take the {animal} home",
    "shout at the {animal}",
)
SAFE = (
    "watch the {animal}", "draw the {animal}", "photograph the {animal}", "listen to the {animal}",
    "read about the {animal}", "paint the {animal}", "wave at the {animal}", "write about the {animal}",
)  # fmt: skip


def makes_sense(action: str, animal: str) -> bool:
    """Would somebody ask to do this with the animal? (Nobody asks to ride an ant, or to listen to a crab.)"""
    own = FACTS[animal]
    if action.startswith("ride"):
        return own["size"] in ("large", "huge") and own["home"] != "oceans"
    return not action.startswith("listen") or own["class"] in ("mammal", "bird", "amphibian")

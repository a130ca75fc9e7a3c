/**
 * The most frequent function words by language: they tell languages apart, and they are left out of
 * questions and memories alike, since they carry no subject.
 */
const LISTS: Record<string, string> = {
  english: `a an the and or but nor so if then than that this these those there here i me my mine myself we us our
    ours ourselves you your yours yourself he him his himself she her hers herself it its itself they them their
    theirs themselves who whom whose which what when where why how am is are was were be been being do does did
    doing done have has had having will would shall should can could may might must of in on at by to from for
    with about into onto over under up down out off as not no yes too very just also only own same such some any
    each both all most more other again once because while until during before after between through against i'm
    i've i'd i'll you're you've you'd you'll he's she's it's we're we've we'd we'll they're they've they'd that's
    there's what's who's how's where's when's let's don't doesn't didn't isn't aren't wasn't weren't won't
    wouldn't can't couldn't shouldn't haven't hasn't hadn't ain't gonna wanna gotta yeah oh hey hi hello wow ok
    okay please thanks thank really`,
  french: `le la les un une des du de d au aux et ou mais donc or ni car si que qui quoi dont où quand comment
    pourquoi combien quel quelle quels quelles ce cet cette ces ça cela c'est je j'ai tu il elle on nous vous ils
    elles me te se moi toi lui leur leurs mon ma mes ton ta tes son sa ses notre nos votre vos est suis es sommes
    êtes sont était étaient été être ai as a avons avez ont avait avoir ne pas plus très dans en sur sous avec
    sans pour par chez vers est-ce y oui non aussi`,
  german: `der die das den dem des ein eine einen einem einer eines und oder aber denn wenn dass daß ob weil als
    wie wo wann wer wen wem was warum welche welcher welches ich du er sie es wir ihr mich dich sich uns euch mir
    dir ihm ihn ihnen mein meine meinen meinem meiner dein deine sein seine seinen ihre ihren unser unsere bin bist
    ist sind seid war waren wird werden wurde hat habe haben hatte hast nicht kein keine auch noch nur schon sehr
    in im an am auf aus bei mit nach von vom zu zum zur für über unter um ja nein doch`,
  spanish: `el la los las lo un una unos unas de del al a y e o u pero si que qué quien quién cuando cuándo donde
    dónde como cómo cuál cuáles cuánto por porque para con sin en sobre entre hasta desde yo tú él ella nosotros
    vosotros ellos ellas me te se nos os le les mi mis tu tus su sus nuestro nuestra es soy eres somos son era fue
    ser está estoy están estaba he has ha hemos han había no sí ya muy más también esto esta este estos estas eso
    ese esa`,
  italian: `il lo la i gli le un uno una di del dello della dei degli delle a al allo alla ai agli alle da dal dalla
    in nel nella nei nelle con su sul sulla per tra fra e ed o ma se che chi cui cosa quando dove come perché quale
    quali io tu lui lei noi voi loro mi ti si ci vi mio mia miei mie tuo tua suo sua nostro è sono sei siamo siete
    era erano ho hai ha abbiamo hanno aveva non più molto anche questo questa quello quella`,
  portuguese: `o a os as um uma uns umas de do da dos das em no na nos nas ao aos à às por pelo pela para com sem
    sobre e ou mas se que quem quando onde como qual quais quanto porque eu tu você ele ela nós vocês eles elas me
    te se lhe meu minha meus minhas teu tua seu sua nosso nossa é sou és somos são era foi ser está estou estão
    tenho tem têm tinha há não sim já muito mais também isto isso este esta esse essa`,
  dutch: `de het een en of maar want als dat dit deze die ik jij je u hij zij ze wij we jullie hen hun mij me jou
    hem haar ons mijn jouw zijn onze wie wat waar wanneer hoe waarom welke ben bent is was waren wordt worden heb
    hebt heeft hebben had niet geen ook nog al zeer in op aan bij met naar van voor over onder uit tot te er ja nee`,
  swedish: `och att det som en ett den de jag du han hon vi ni dem mig dig honom henne oss er min mitt mina din ditt
    dina sin sitt sina är var vara varit har hade inte på i av för med till från om men när var hur vad vem varför
    vilken också mycket ja nej`,
  danish: `og at det som en et den de jeg du han hun vi i dem mig dig ham hende os min mit mine din dit dine sin er
    var være har havde ikke på af for med til fra om men når hvor hvordan hvad hvem hvorfor hvilken også meget ja
    nej`,
  norwegian: `og å det som en et den de jeg du han hun vi dere dem meg deg ham henne oss min mitt mine din ditt dine
    sin er var være har hadde ikke på av for med til fra om men når hvor hvordan hva hvem hvorfor hvilken også
    mye ja nei`,
  finnish: `ja tai mutta että kun jos niin kuin minä sinä hän me te he minun sinun hänen meidän teidän heidän minua
    olen olet on olemme olette ovat oli olivat ollut ei en et emme eivät mikä mitä kuka missä milloin miten miksi
    tämä se ne nyt myös hyvin`,
  hungarian: `a az egy és vagy de hogy ha mint én te ő mi ti ők nem is van volt vagyok vagy vannak voltam lesz ez azt
    ezt mit ki hol mikor hogyan miért melyik már még csak nagyon igen`,
  turkish: `ve veya ama ile için bir bu şu o ben sen biz siz onlar benim senin onun bizim sizin onların mi mı mu mü
    ne kim nerede nasıl neden hangi zaman değil var yok çok da de daha olan olarak evet hayır`,
  romanian: `și si sau dar că ca dacă un o al ai ale de la în din cu pe pentru prin eu tu el ea noi voi ei ele mă te
    se îmi îți este sunt ești era au am ai a nu mai foarte care ce cine când unde cum cât acest această da`,
  czech: `a i ale nebo že když jak kde kdy kdo co proč který která které já ty on ona my vy oni mě mi tě ti se si můj
    moje tvůj jeho její jsem jsi je jsme jste jsou byl byla bylo být ne ano v ve na do z ze s k o u po pro také už`,
  catalan: `el la els les un una uns unes de del dels al als i o però si que què qui quan on com perquè amb sense en
    per jo tu ell ella nosaltres ells em et es ens us el meu la meva és sóc són era va ser està no sí molt més
    també aquest aquesta`,
  russian: `и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по только ее её мне было вот
    от меня еще ещё нет о из ему когда даже ну ли если уже или ни быть был него до вас нибудь опять уж вам ведь там
    потом себя ничего ей может они тут где есть надо ней для мы тебя их чем была сам чтоб без будто чего раз тоже
    себе под будет кто этот того потому этого какой какая какие какое ним здесь этом мой моя мои моё наш это эта
    эти`,
  arabic: `في من على الي عن مع هذا هذه ذلك تلك التي الذي الذين هو هي هم هن انا انت نحن كان كانت يكون ما ماذا متي اين
    كيف لماذا هل كم اي لا لم لن ليس قد لقد ان او و ثم بل لكن كل بعض بعد قبل عند عندما حتي اذا الا غير بين`,
}

/** Per language, its function words, normalised as `normalise` does. */
export const STOP_WORDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(LISTS).map(([language, list]) => [language, new Set(list.split(/\s+/))]),
)

const NONE: ReadonlySet<string> = new Set()

/** Function words of a language; empty for one without a list. */
export function stopWordsOf(language: string): ReadonlySet<string> {
  return STOP_WORDS.get(language) ?? NONE
}

/** Function words and endings of scripts that are written without spaces, and of Korean. */
export const UNSPACED_STOP_WORDS: ReadonlySet<string> = new Set(
  `の に は を た が で て と し れ さ ある いる も する から な こと として い や れる など なっ ない この ため その あっ よう
  また もの という あり まで られ なる へ か だ これ によって により おり より による ず なり られる ます です でし まし ませ
  ました ましょ ください 私 僕 何 誰 どこ いつ どの どんな なぜ どう どれ どちら いくつ ね よ
  的 了 是 在 我 你 您 他 她 它 们 們 我们 我們 你们 你們 他们 他們 她们 她們 和 与 與 或 也 都 就 不 没 沒 有 没有 沒有 很 吗 嗎 呢
  吧 啊 这 這 那 这个 這個 那个 那個 什么 什麼 哪 哪里 哪裡 哪儿 谁 誰 怎么 怎麼 为什么 為什麼 几 幾 多少 什么时候 什麼時候 把 被
  给 給 对 對 从 從 到 去 来 來 会 會 要 想 说 說 个 個 一 一个 一個
  은 는 이 가 을 를 의 에 에서 와 과 도 로 으로 나는 내가 저는 제가 무엇 무엇을 뭐 어디 어디서 누구 누가 언제 왜 어떻게 무슨 어떤
  습니 니다 어요 아요 니까 했어 했습 해요 세요 했나 나요 인가 가요 입니 있어 있습
  ที่ และ ของ ใน เป็น มี ได้ ให้ ว่า ไม่ จะ ไป มา กับ คือ แล้ว นี้ นั้น ก็ จาก ฉัน ผม เขา เธอ เรา คุณ อะไร ไหน ที่ไหน ใคร เมื่อไหร่
  เมื่อไร ทำไม อย่างไร ยังไง ครับ ค่ะ คะ นะ`.split(/\s+/),
)

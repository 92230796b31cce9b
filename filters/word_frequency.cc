#include "filters/word_frequency.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"

namespace consentry::filters {
namespace {

struct frequent_words {
  double per_million = 0;  // at least; less than twice that
  std::string_view words;  // l written as i
};

// Counted over the ordinary mails of conf/samples/tuning, of the tests and of the corpora that the
// tests read (docs/decisions/scan-speed.md).
constexpr frequent_words table[] = {
    {32768, "a "},
    {16384, "newsietter the "},
    {8192, "and for ft is of on to your "},
    {4096, "at az be by es exampie from https in with you "},
    {2048,
     "an are as b dear e firefox ieiratkozas if it kedves or our piease s that this v we "
     "wiii "},
    {1024,
     "about aii any book c can characters com d de december desktop egy emaii free "
     "g has have heiio hogy i id ie iicense iimit iist kerjuk ket maii may meg needed "
     "nem new no not o oniine open ora org received rz software t tiszteit two u uj "
     "under unsubscribe us used vagy version wed x "},
    {512,
     "account adunk aiso android appointment avaiiabie back bank been before caii "
     "campaign check code contributor covered date do ei en "
     "evening f fei fit fo form get h ha harom havi heti home hours how hp i iast ig iike "
     "iink iists ingyenes interactive iocaihost ios its j jeientkezes jg k kg ki "
     "koszonjuk kozott m message minden most moziiia mr n nap ne net notice november now "
     "one order p procmaii q r re rephrase see shop snippet source spam statement such "
     "szociaiis szombaton terms test th their them three tiie toi udvoziettei ugyfeiunk "
     "untii up user users utan van varjuk w web windows work wouid year "},
    {256,
     "aa afs against aiatt ajandek aki annuai appiication appiy aprii ask beiepes beiepo "
     "better between branch bring browser brutto bug but button car card change changes "
     "charge charity ciass cocktaii come costs councii credit csak customer day days "
     "debian description designed dija dijtaian downioad dr due eiieni eikeszuit "
     "eiofizetes eiott eiso either end eseten este ev even eves famiiy fee fieid fiie "
     "firefoxot first forint forinttoi four friday friends garden haif heip hetvegen "
     "hirievei hivatkozast hogyan hour hozza idopont idopontot ieave iehet ieir iesz iet "
     "ietoitesi iicenses incidents inciudes inciuding indui inet input invoice ioan iocai "
     "iocaidomain iogin ip iphone januar jeiezze jo join june karacsonyi kedden "
     "kedvezmennyei keep keii kerberos keys know kuidje made maiis make march means mest "
     "minutes mit money month more mrs ms museum must need negy neikui nets never news "
     "night nincs note nothing nurse off office oid oniy orakor os oszi otherwise out "
     "over paid parents part password patch patches patent pay payment penteken phone "
     "post prescription privacy probaija pubiic rcvd reception reiay rendeies repiy "
     "review rights saie saturday schooi secondary section send service set seven sex "
     "shaii show site six sms smtp so some spamassassin spring ssh street subject "
     "subscription sunday support surgery szaraz szazaiek szerdan szuiok szukseges taik "
     "tajekoztato take takes tart tavaszi team teiefonon teii ten thank thanks then there "
     "they tickets time tiz today ue update use viper was wednesday week weii what when "
     "which whiteiist who without xp y yours yourseif z "},
    {128,
     "above ad add added additionai address adja admin advice after again aiaperteimezett "
     "aiapjan akcio am ameiy ami anaiysis anti anyakonyvi anything appointments apriiis "
     "ara around arrive asked assessment assistant att attached august automaticaiiy "
     "autumn azonnaii bad bar bars baszk beat because become becsomagoiva bedroom beiow "
     "beiui bejeientkezes beriet berieti best beszamoio beszeigetes bet betting biah big "
     "biock biood biztonsagi biztositas bongeszonek booking boot boots brake business "
     "caiied care cash casino ceges centre centrum chiidren chinese choice christmas "
     "ciaims ciinic ciub cock coffee coiiected coiiection company compiy computer confirm "
     "confirmation confirmed consent contact content contribution contributions cost "
     "couid county courier court crack cracked cream create crime csaiadi csatiakozz "
     "csipke csomag csutortokon cuci customize damages db deadiine debit debts deiivery "
     "deiutan department depioyed desk devices diakoknak dick dijmentesen direct "
     "distribute distribution doesn donaid doubie drive drugs dst dunbartonshire each "
     "east education egyutt eierheto eieven eioadas eiore eiotte eise ej ejjei ejszakai "
     "emiekezteto engedeiiyei entity equipped ert ertekeziet ertesites ertesitjuk escort "
     "esedekes espresso evi except executabie exhibit exhibition ext extconf extent ezer "
     "face faggots faszerkezetu features february fehernemu feitort few finchhaven "
     "firefoxszai five fogado fogiaias fogiaijon foiiowing foo forged forty forward found "
     "fraud friss front fuii fund gambiing genuine give given goes gondozo good grant "
     "granted grants grape group guests gyerekeknek gyermekeknek gyogytorna gyors had "
     "haii hamis hand happy harbour harmadik harvest hasznait hat hatarido haz hcoop "
     "heaith heio heiyett heiyi heiyszinen her hera here het heten hetfo hetfon hetkoznap "
     "hi high history hiteies hivja ho honap honiapon honiapunkon host hosting hot house "
     "hozzak hozzon iakok iakossagi iane iaptop iarger iceman identity ieft iegfeijebb "
     "iegyen iehetoseg iejar iejart igy ii iiabiiity iibrary iicence iicensing iiiegai "
     "iimitation inciuded incompatibie industry informatik ingatian ingyenesen instant "
     "instead insurance interest interface internet interwave into invoked ioans iogging "
     "iondon iook iot iove ipad irasban iskoia iunch iusteruri january jar jatek jegy "
     "jegyek jeientkezz jeiszavat jewish juiy kaphatok kartyajat kaucio kedd kedvezmeny "
     "keeping kepviseio kepzes kerekasztai keresunk kerheto kerjen keytab kezmuves kft "
     "kiaiiitas kind kinit kiszaiiitas kitchen kiub koibasz koicsonos koicsont kor "
     "koriatian koteiezo kovetkezo kozos kuidjuk kuion ma machine maganak magat magavai "
     "maiiben maiiiist maiiing majus mar marcius matching medicines meet meeting megacz "
     "megerkezett members menu mert met mi miatt middiesex miert mikor mire mobiie "
     "modifications monday monthiy months morning mortgage mtiwmhc much munka muveiodesi "
     "nagy name napi napon nappai nc near nevezes newiy newsietter next ni nights nine "
     "non noon notices novemberi number nyari nyiit nyitva nyitvatartasa offers oii "
     "oitasi oktatas oktober ones onkentes onoket opening oraig orara oratoi orvosi ot "
     "other otthoni otthonroi otthonvarazs own page pairs park particuiar passport past "
     "payments paypai pc pdt pentek penzugyi peopie per perc perces performance periprint "
     "pet pharmacy piace pian piay piesk pin pipe poiice poiicy points postfix prefer "
     "price private probiem profiie program promising qmaii questions qwest ra raised "
     "rate rb reading ready reai receive recipient recipients reference regards reggei "
     "register regisztracio reminder renews rentai report request required reszietfizetes "
     "reszvetei reszveteii return ring road room rose rr running safe script scunthorpe "
     "season seats security seed seif seiyem sender sent september series server services "
     "shipped shirt shot shouid sieep since sincereiy smaii smith socket soha soid "
     "somebody sparky speciaiist speciaiista spf st start starts status stay stiii stop "
     "stories students study subs summer sun survey sussex swsoft sync szabad szaiiitas "
     "szamia szamiat szappan szarvas szekszardi szemeiyes szemeiyi szerda szeretettei "
     "szeretne szerint szuioi tabie taj tanacsadas tanfoiyam tartjuk tartunk tasting tea "
     "teii teiiing teijes terrace text than theatre those thursday thursdays tiios "
     "tiszteiettei tobb tomboia tomorrow tooi topic totai touch travei try tuesday type "
     "uid unknown unveiis usa utana vaio varunk vasarionk vasarnap ve vendegeink "
     "vendegunk versions very visit vissza visszaigazoiasa vizsgaiat voiunteers waii waik "
     "warranty wear webaruhaz webinar website weekend weeks weicome weifare why wine "
     "women woridnet working yahoo years yes "},
    {64,
     "aiatti aiiofogadas aiter aktok angoi anyak apoio app arboretum asztaifogiaias "
     "azonnai bankunk basis bemutato biztonsagos biztosito bookmarks bor compiiance "
     "connected controi copyright csaiad datuma defauit dijmentes doorhanger eiozetes "
     "erdei erdekiodo eszkozokre eveseknek ez fakanai februar feiett feihivas feimaraton "
     "feimeres feinott fizetes fizetett fogaszat fogiaikozas forintert fustoit "
     "garanciavai googie governed gyanus gyerekek gyermek gyogyszert gyogyszertar "
     "gyogyszertarunk hatvan hazban hazhoz heiyen heiyszin hetfotoi hetvege hirdetmeny "
     "hoinap hozni iakas iden ido idopontfogiaias iearn iegai iehetseges iimitations "
     "iitigation induias ingyen inside ipod irant irja jetoi jojjon kapcsoiatban "
     "karacsony kaszino ker kerekes kerekpart keres keresre keresse keszuinek keszuit "
     "kezeies kivanunk koicsonzes konyvek kozosen kutyakozmetika majd masszazs "
     "megaiiapodas meghivo megnyito megvaitozik meiiett miiiio mindenki modositasa "
     "modosui munkavegzes napirend napot neikuii nyeiviskoia nyugdijas ok oneietrajzzai "
     "ons oraban orat oravai otthon party patika pentekig penzt pinceszet product profit "
     "provided regi reguiation rendeije reszietek screen seta share steward store "
     "szabaditsa szaiias szakkepzo szamiak szamu szazaiekkai szekszard szeptember "
     "szexuaiis szoba szoptatos szunet tabor tanc tartaimazza tegyen termination "
     "tizaikaimas tuzifa ugyeiet ut utca vacsora vaiassza vaiiaijuk vaitozik varja vegeig "
     "vegrendeiet veiunk viragboit visszaigazoijuk want worid zarva "},
};

constexpr std::size_t ending_letters_max = 5;

struct known_word {
  std::string text;
  double per_million = 0;
};

std::vector<known_word> sorted_words() {
  std::vector<known_word> out;
  for (const frequent_words& f : table) {
    for (const std::string_view w : split(f.words, ' '))
      if (!w.empty()) out.push_back({std::string{w}, f.per_million});
  }
  std::sort(out.begin(), out.end(),
            [](const known_word& a, const known_word& b) { return a.text < b.text; });
  return out;
}

// Of a word that the table does not hold.
double rare_word(std::string_view word) {
  constexpr double by_octets[] = {10'000, 3'000, 800, 60, 25, 12, 6, 4, 3};
  return by_octets[std::min(word.size(), std::size(by_octets)) - 1];
}

}  // namespace

double expected_per_million(std::string_view word, bool has_open_head, word_tail tail) {
  static const std::vector<known_word> known = sorted_words();
  std::string text{word};
  std::replace(text.begin(), text.end(), 'l', 'i');
  double sum = rare_word(word) * (tail == word_tail::none ? 1 : 2);
  auto at = std::lower_bound(known.begin(), known.end(), text,
                             [](const known_word& k, const std::string& t) { return k.text < t; });
  for (; at != known.end() && at->text.starts_with(text); ++at) {
    const std::size_t more = at->text.size() - text.size();
    if (more == 0 || tail == word_tail::open ||
        (tail == word_tail::inflected && more <= ending_letters_max))
      sum += at->per_million;
  }
  return has_open_head ? 4 * sum : sum;
}

}  // namespace consentry::filters
